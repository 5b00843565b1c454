"""What a changed DID document means for a pin: who joins, who leaves, and when a person must look."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.canonical import canonical
from connector.errors import Unreachable
from connector.identity import document, jws, keys, participant, pinned
from connector.identity.pinned import Changed, Joined, PeerKeys, PinnedKey, Same

DID = "did:web:village.example"
T1, T2, T3, S1, S2, EVIL = (keys.generate() for _ in range(6))
ALL = (T1, T2, T3, S1, S2, EVIL)
Pair = keys.KeyPair


def seen(
    token: list[Pair], seal: list[Pair], *rotations: str, retired: list[Pair] | None = None, did: str = DID
) -> document.Document:
    """Return a document as a peer would publish it."""
    value = participant.document(
        did,
        token=[pair.public for pair in token],
        seal=[pair.public for pair in seal],
        retired=[pair.public for pair in retired or []],
        rotations=rotations,
    )
    return document.parse(did, canonical(value))


def pin(token: list[Pair], seal: list[Pair]) -> pinned.Pin:
    return frozenset(
        [PinnedKey("token", pair.public) for pair in token] + [PinnedKey("seal", pair.public) for pair in seal]
    )


def named(by: Pair, new: Pair, purpose: keys.Purpose = "token", did: str = DID) -> str:
    return pinned.endorse(by, did, new.public.thumbprint, purpose, 1_800_000_000)


PIN = pin([T1], [S1])


def test_an_unchanged_document_changes_nothing() -> None:
    assert pinned.pin_of(seen([T1], [S1])) == PIN
    assert pinned.compare(PIN, seen([T1], [S1])) == Same()
    assert pinned.compare(PIN, seen([T1], [S1], named(T1, T2), named(EVIL, EVIL))) == Same()


def test_an_endorsed_key_joins_beside_the_old_one() -> None:
    result = pinned.compare(PIN, seen([T1, T2], [S1], named(T1, T2)))
    assert result == Joined(pin([T1, T2], [S1]), joined=pin([T2], []), left=frozenset())


def test_an_endorsed_seal_key_joins() -> None:
    result = pinned.compare(PIN, seen([T1], [S1, S2], named(S1, S2, "seal")))
    assert result == Joined(pin([T1], [S1, S2]), joined=pin([], [S2]), left=frozenset())


def test_a_key_leaves_when_it_endorsed_its_successor() -> None:
    replaced = seen([T2], [S1], named(T1, T2))
    assert pinned.compare(PIN, replaced) == Joined(pin([T2], [S1]), pin([T2], []), pin([T1], []))
    assert pinned.compare(pin([T1, T2], [S1]), replaced) == Joined(pin([T2], [S1]), frozenset(), pin([T1], []))


def test_two_rotations_are_followed_over_a_retired_key_that_is_still_listed() -> None:
    rotations = (named(T1, T2), named(T2, T3))
    listed = seen([T3], [S1], *rotations, retired=[T1, T2])
    assert pinned.compare(PIN, listed) == Joined(pin([T3], [S1]), pin([T3], []), pin([T1], []))
    assert pinned.compare(PIN, seen([T3], [S1], *reversed(rotations), retired=[T2])) == pinned.compare(PIN, listed)


def test_two_rotations_cannot_be_followed_when_the_key_between_is_not_listed() -> None:
    result = pinned.compare(PIN, seen([T3], [S1], named(T1, T2), named(T2, T3)))
    assert result == Changed(unknown=pin([T3], []), gone=pin([T1], []))


def test_a_new_key_without_endorsement_needs_a_person() -> None:
    assert pinned.compare(PIN, seen([T1, EVIL], [S1])) == Changed(pin([EVIL], []), frozenset())
    assert pinned.compare(PIN, seen([EVIL], [S1])) == Changed(pin([EVIL], []), pin([T1], []))


def test_a_vanished_key_without_successor_needs_a_person() -> None:
    assert pinned.compare(pin([T1, T2], [S1]), seen([T2], [S1])) == Changed(frozenset(), pin([T1], []))
    assert pinned.compare(PIN, seen([T1], [])) == Changed(frozenset(), pin([], [S1]))
    assert pinned.compare(PIN, seen([T1], [], retired=[S1])) == Changed(frozenset(), pin([], [S1]))


def test_a_key_that_endorsed_a_key_not_in_use_has_no_successor() -> None:
    result = pinned.compare(pin([T1, T2], [S1]), seen([T2], [S1], named(T1, T3), retired=[T3]))
    assert result == Changed(frozenset(), pin([T1], []))


def test_without_any_token_key_a_person_must_look() -> None:
    with pytest.raises(Unreachable, match="did_no_token_key"):
        pinned.pin_of(seen([], [S1]))
    assert isinstance(pinned.compare(pin([T1], []), seen([], [])), Changed)
    assert isinstance(pinned.compare(pin([], [S1]), seen([], [S2], named(S1, S2, "seal"))), Changed)


def test_a_key_of_another_purpose_does_not_endorse() -> None:
    assert isinstance(pinned.compare(PIN, seen([T1, T2], [S1], named(S1, T2))), Changed)
    assert isinstance(pinned.compare(PIN, seen([T1], [S1, S2], named(T1, S2, "seal"))), Changed)
    assert isinstance(pinned.compare(PIN, seen([T1], [S1, T1], named(T1, T1, "seal"))), Changed)


def test_an_endorsement_for_one_purpose_is_not_one_for_another() -> None:
    assert isinstance(pinned.compare(PIN, seen([T1], [S1, T2], named(T1, T2))), Changed)


def test_a_key_that_was_retired_does_not_come_back_by_itself() -> None:
    after = pin([T2], [S1])
    rotations = (named(T1, T2),)
    assert isinstance(pinned.compare(after, seen([T1, T2], [S1], *rotations)), Changed)
    assert isinstance(pinned.compare(after, seen([T2, T3], [S1], *rotations, named(T1, T3), retired=[T1])), Changed)
    assert isinstance(pinned.compare(after, seen([T2, EVIL], [S1], named(T1, EVIL))), Changed)


def forged(
    *,
    signer: Pair = T1,
    kid: str = f"{DID}#{T1.kid}",
    typ: str = pinned.ROTATION_TYP,
    claims: dict[str, Any] | None = None,
    payload: bytes | None = None,
) -> str:
    """Return an endorsement of T2 by T1 with one thing wrong."""
    right = {"did": DID, "thumbprint": T2.kid, "purpose": "token", "iat": 1}
    return jws.sign(signer, canonical(right | (claims or {})) if payload is None else payload, typ=typ, kid=kid)


def test_the_forgeries_differ_from_a_good_one_in_one_thing_only() -> None:
    assert isinstance(pinned.compare(PIN, seen([T1, T2], [S1], forged())), Joined)


@pytest.mark.parametrize(
    "rotation",
    [
        forged(signer=EVIL),
        forged(signer=EVIL, kid=f"{DID}#{EVIL.kid}"),
        forged(signer=S1, kid=f"{DID}#{S1.kid}"),
        forged(kid=T1.kid),
        forged(kid=f"did:web:other.example#{T1.kid}"),
        forged(typ="JWT"),
        forged(typ="dataspace-request+jwt"),
        forged(claims={"did": "did:web:other.example"}),
        forged(claims={"purpose": "seal"}),
        forged(claims={"purpose": ["token"]}),
        forged(claims={"thumbprint": T3.kid}),
        forged(claims={"thumbprint": 7}),
        forged(claims={"iat": "1"}),
        forged(claims={"iat": True}),
        forged(claims={"extra": 1}),
        forged(payload=b"{}"),
        forged(payload=b"[]"),
        forged(payload=b"nothing"),
        forged() + "A",
        forged()[:-4],
        forged() + "." + forged(),
        "",
        "a.b.c",
        "A" * 5000,
    ],
)
def test_a_forged_endorsement_is_none(rotation: str) -> None:
    assert pinned.compare(PIN, seen([T1, T2], [S1], rotation)) == Changed(pin([T2], []), frozenset())


def test_an_endorsement_without_kid_is_none() -> None:
    head = keys.encode(canonical({"alg": "ES256", "typ": pinned.ROTATION_TYP}))
    signed = f"{head}.{forged().split('.')[1]}"
    rotation = f"{signed}.{keys.encode(T1.sign(signed.encode()))}"
    assert isinstance(pinned.compare(PIN, seen([T1, T2], [S1], rotation)), Changed)


@settings(max_examples=60)
@given(
    token=st.sets(st.sampled_from(ALL), min_size=1),
    seal=st.sets(st.sampled_from(ALL)),
    old=st.sets(st.sampled_from(ALL), min_size=1),
    rotations=st.lists(st.tuples(st.sampled_from([T2, T3, EVIL]), st.sampled_from(ALL)), max_size=6),
)
def test_no_key_joins_unless_a_pinned_key_vouches_for_it(
    token: set[Pair], seal: set[Pair], old: set[Pair], rotations: list[tuple[Pair, Pair]]
) -> None:
    before = pin([*({T1} | old) - {T2, T3, EVIL}], [])
    result = pinned.compare(before, seen([*token], [*seal], *(named(by, new) for by, new in rotations)))
    assert not isinstance(result, Joined)


# Using


def test_only_keys_both_pinned_and_shown_are_used() -> None:
    usable = PeerKeys.of(PIN, seen([T1, T2], [S1]))
    assert {kid: key.purposes for kid, key in usable.keys.items()} == {
        f"{DID}#{T1.kid}": {"token"},
        f"{DID}#{S1.kid}": {"seal"},
    }
    assert usable.did == DID
    assert PeerKeys.of(pin([T1, T2], [S1]), seen([T2], [S1])).keys.keys() == {f"{DID}#{T2.kid}", f"{DID}#{S1.kid}"}


def test_a_key_keeps_only_the_purposes_that_pin_and_document_agree_on() -> None:
    both = seen([T1], [T1])
    assert PeerKeys.of(pin([T1], []), both).keys[f"{DID}#{T1.kid}"].purposes == {"token"}
    assert PeerKeys.of(pin([T1], [T1]), both).keys[f"{DID}#{T1.kid}"].purposes == {"token", "seal"}
    assert PeerKeys.of(pin([], [T1]), seen([T1], [])).keys[f"{DID}#{T1.kid}"].purposes == set()


def test_a2_12_sole_key_is_the_only_method_of_the_document() -> None:
    kid = f"{DID}#{T1.kid}"
    assert PeerKeys.of(pin([T1], []), seen([T1], [])).sole == kid
    assert PeerKeys.of(PIN, seen([T1], [S1])).sole is None
    assert PeerKeys.of(PIN, seen([T1], [], retired=[T2])).sole is None
    assert PeerKeys.of(PIN, seen([T2], [])).sole is None


def test_a_pin_survives_its_json() -> None:
    stored = pinned.dump(PIN)
    assert pinned.load(stored) == PIN
    assert [entry["purpose"] for entry in stored] == ["seal", "token"]
    assert {entry["thumbprint"] for entry in stored} == {entry.thumbprint for entry in PIN}


@pytest.mark.parametrize("change", [{"purpose": "login"}, {"thumbprint": T2.kid}, {"jwk": {}}, {"jwk": T2.public.jwk}])
def test_a_damaged_pin_is_refused(change: dict[str, Any]) -> None:
    stored = pinned.dump(PIN)
    with pytest.raises(ValueError, match=r".+"):
        pinned.load([stored[0], stored[1] | change])
