"""Seals of contracts: read strictly, every changed leaf found, every key that does not count refused (A.2 rows 26 and 27)."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from connector import canonical
from connector.evidence import seal
from connector.evidence.seal import AGREEMENT, VERIFICATION, Expected
from connector.identity import jws, keys
from connector.identity.keys import KeyPair, PublicKey, encode
from connector.identity.periods import KeyPeriod

AT, NOW = "2026-08-14T06:35:00.000Z", 1_786_689_300.0
PROVIDER, CONSUMER = "did:web:provider.example", "did:web:consumer.example"
PAIR, OTHER = keys.generate(), keys.generate()
REQUEST, SIGNED = canonical.of_bytes(b"request"), canonical.of_bytes(b"agreement message")


def made(**changes: Any) -> Expected:
    agreement = {
        "@id": "urn:agreement:1", "@type": "Agreement", "target": "urn:dataset:1", "assigner": PROVIDER,
        "assignee": CONSUMER, "timestamp": AT,
        "permission": [{"action": "use", "constraint": [{"leftOperand": "dateTime", "rightOperand": "2030-01-01"}]}],
        "https://example.org/ns#note": "behålls",
    }  # fmt: skip
    whole = Expected(
        AGREEMENT, agreement, PROVIDER, CONSUMER, canonical.of_bytes(b"offer"), [REQUEST], NOW - 300, NOW + 300,
        policy=canonical.of_bytes(b"policy"),
    )  # fmt: skip
    return replace(whole, **changes)


def countered(**changes: Any) -> Expected:
    whole = made(
        kind=VERIFICATION, messages=[REQUEST, SIGNED], agreement_seal=canonical.of_bytes(b"the provider's seal")
    )
    return replace(whole, **changes)


def sealed(expected: Expected, by: KeyPair = PAIR, at: str = AT) -> str:
    return seal.sign(by, seal.build(expected, at=at))


def signed(payload: Any, by: KeyPair = PAIR, **header: Any) -> str:
    """Return a compact JWS with a header and payload of one's own."""
    head = {"alg": "ES256", "kid": by.kid, "typ": seal.TYP} | header
    data = payload if isinstance(payload, bytes) else canonical.canonical(payload)
    kept = {name: value for name, value in head.items() if value is not None}
    text = f"{encode(canonical.canonical(kept))}.{encode(data)}"
    return f"{text}.{encode(by.sign(text.encode()))}"


@pytest.mark.parametrize("expected", [made(), countered(), made(policy=None), countered(agreement_seal=None)])
def test_a_seal_is_read_as_it_was_made(expected: Expected) -> None:
    text = sealed(expected)
    read = seal.read(text)
    assert seal.faults(read, expected) == ()
    assert seal.key_fault(read, [KeyPeriod("seal", PAIR.public, NOW)]) is None
    assert (read.kid, read.at, read.digest) == (PAIR.kid, NOW, canonical.of_bytes(text.encode()))
    assert jws.parse(text, limit=seal.MOST_CHARACTERS).header == {"alg": "ES256", "kid": PAIR.kid, "typ": "seal+jws"}


def test_a_seal_by_an_ed25519_key_is_read_and_verified() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    public = PublicKey((("crv", "Ed25519"), ("kty", "OKP"), ("x", encode(private.public_key().public_bytes_raw()))))

    class Elsewhere:
        kid, alg, public = "", "EdDSA", None

        def sign(self, data: bytes) -> bytes:
            return private.sign(data)

    Elsewhere.kid, Elsewhere.public = public.thumbprint, public  # type: ignore[assignment]
    read = seal.read(seal.sign(Elsewhere(), seal.build(made(), at=AT)))  # type: ignore[arg-type]
    assert seal.key_fault(read, [KeyPeriod("seal", public, NOW)]) is None


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name in value for leaf in leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [leaf for index in range(len(value)) for leaf in leaves(value[index], (*path, index))]
    return [path]


def changed(payload: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    found = place = copy.deepcopy(payload)
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    swap = {"agreement": "verification", AT: "2026-08-14T08:35:00.000Z"}
    is_digest = isinstance(old, str) and old.startswith("sha256:")
    place[path[-1]] = canonical.of_bytes(b"another") if is_digest else swap.get(old, f"{old}x")
    return found


PAYLOAD = seal.build(made(), at=AT)
COUNTER = seal.build(countered(), at=AT)


@pytest.mark.parametrize("path", [leaf for leaf in leaves(PAYLOAD) if leaf not in {("type",), ("policy",)}], ids=str)
def test_a2_26_any_changed_leaf_of_a_seal_is_found(path: tuple[Any, ...]) -> None:
    read = seal.read(signed(changed(PAYLOAD, path)))
    assert seal.faults(read, made()) == (path[0],)


@pytest.mark.parametrize("path", [leaf for leaf in leaves(COUNTER) if leaf != ("type",)], ids=str)
def test_a2_26_any_changed_leaf_of_a_counter_seal_is_found(path: tuple[Any, ...]) -> None:
    read = seal.read(signed(changed(COUNTER, path)))
    assert seal.faults(read, countered()) == (path[0],)


def test_a_seal_of_the_other_kind_is_found() -> None:
    assert "type" in seal.faults(seal.read(sealed(countered())), made())
    assert "type" in seal.faults(seal.read(sealed(made())), countered())


@pytest.mark.parametrize(
    "messages", [[], [SIGNED, REQUEST], [REQUEST, REQUEST], [SIGNED]], ids=["none", "order", "repeated", "first lost"]
)
def test_messages_left_out_added_or_in_another_order_are_found(messages: list[str]) -> None:
    read = seal.read(sealed(countered(messages=messages)))
    assert seal.faults(read, countered()) == ("messages",)


def test_the_policy_of_the_provider_is_its_own_statement() -> None:
    read = seal.read(sealed(made(policy=None)))
    assert seal.faults(read, made()) == ()


def test_true_and_one_are_not_the_same_value() -> None:
    read = seal.read(sealed(made(agreement={"a": True})))
    assert seal.faults(read, made(agreement={"a": 1})) == ("agreement",)


@pytest.mark.parametrize(
    ("periods", "fault"),
    [
        ([], "key_unknown"),
        ([KeyPeriod("token", PAIR.public, NOW)], "key_unknown"),
        ([KeyPeriod("seal", OTHER.public, NOW)], "key_unknown"),
        ([KeyPeriod("seal", PAIR.public, NOW - 9000, NOW)], "key_time"),
        ([KeyPeriod("seal", PAIR.public, NOW + 301)], "key_time"),
        ([KeyPeriod("seal", PAIR.public, NOW + 299)], None),
        ([KeyPeriod("seal", PAIR.public, NOW - 9000, NOW), KeyPeriod("seal", PAIR.public, NOW)], None),
        ([KeyPeriod("seal", PAIR.public, NOW - 9000, NOW + 1)], None),
    ],
)
def test_a_key_counts_for_its_purpose_in_its_time(periods: list[KeyPeriod], fault: str | None) -> None:
    assert seal.key_fault(seal.read(sealed(made())), periods) == fault


def test_a_signature_of_another_key_is_found() -> None:
    read = seal.read(signed(PAYLOAD, OTHER, kid=PAIR.kid))
    assert seal.key_fault(read, [KeyPeriod("seal", PAIR.public, NOW)]) == "signature"
    assert KeyPeriod("seal", PAIR.public, NOW).jwk == PAIR.public.jwk


def without(name: str, payload: dict[str, Any] = PAYLOAD) -> dict[str, Any]:
    return {member: value for member, value in payload.items() if member != name}


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "a.b",
        signed(PAYLOAD, typ=None),
        signed(PAYLOAD, kid=None),
        signed(PAYLOAD, typ="JWT"),
        signed(PAYLOAD, alg="none"),
        signed(PAYLOAD, alg="HS256"),
        signed(PAYLOAD, crit="x"),
        signed([1]),
        signed(b"{"),
        signed(canonical.canonical(PAYLOAD).replace(b'"at":', b'"at": ')),
        signed(PAYLOAD | {"more": 1}),
        signed(without("policy")),
        signed(without("agreementSeal", COUNTER)),
        signed(PAYLOAD | {"agreementSeal": None}),
        signed(PAYLOAD | {"type": "offer"}),
        signed(PAYLOAD | {"type": ["agreement"]}),
        signed(PAYLOAD | {"agreement": "urn:agreement:1"}),
        signed(PAYLOAD | {"provider": 1}),
        signed(PAYLOAD | {"consumer": ""}),
        signed(PAYLOAD | {"offer": "md5:1"}),
        signed(PAYLOAD | {"offer": None}),
        signed(PAYLOAD | {"policy": "file"}),
        signed(PAYLOAD | {"messages": REQUEST}),
        signed(PAYLOAD | {"messages": [REQUEST, 1]}),
        signed(PAYLOAD | {"at": "2026-08-14T06:35:00"}),
        signed(PAYLOAD | {"at": "2026-13-14T06:35:00Z"}),
        signed(PAYLOAD | {"at": 1}),
        signed(COUNTER | {"agreementSeal": "x"}),
        signed(PAYLOAD) + "A" * seal.MOST_CHARACTERS,
    ],
)
def test_what_is_not_exactly_a_seal_is_not_read(text: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason, the caller says only that it is no seal
        seal.read(text)
