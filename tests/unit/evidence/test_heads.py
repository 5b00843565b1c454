"""Signed heads: what they say, how they follow one another, and what is found when they do not fit the chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector import canonical
from connector.evidence import heads
from connector.evidence.heads import Head, HeadFault, Reading, Signed
from connector.identity import jws, keys
from connector.identity.periods import KeyPeriod

ME = "did:web:a.example"
KEY = keys.generate()
AT = "2026-08-14T06:35:00.000Z"


def _hashes(count: int) -> list[str]:
    return [canonical.of_bytes(f"{number}".encode()) for number in range(1, count + 1)]


def _signed(head: Head) -> Signed:
    return heads.read(heads.sign(KEY, head))


def _three(hashes: list[str]) -> list[Signed]:
    """Three heads over nine records: 1 to 2, 3 to 3, 4 to 8."""
    made: list[Signed] = []
    for first, last in ((1, 2), (3, 3), (4, 8)):
        earlier = made[-1] if made else None
        made.append(_signed(heads.following(earlier, hashes[first - 1 : last], participant=ME, at=AT)))
    return made


def _read(hashes: list[str], signed: list[Signed | None], *, known: bool = True) -> list[HeadFault]:
    reading = Reading(ME, [(number, one, known) for number, one in enumerate(signed, 1)])
    for number, each in enumerate(hashes, 1):
        reading.record(number, each)
    return reading.end()


def test_a_head_says_which_records_it_covers_and_names_the_one_before() -> None:
    hashes = _hashes(9)
    one, two, three = _three(hashes)
    assert (one.head.number, one.head.first, one.head.last, one.head.previous) == (1, 1, 2, None)
    assert (two.head.first, two.head.last, two.head.hash, two.head.previous) == (3, 3, hashes[2], one.digest)
    assert (three.head.number, three.head.first, three.head.last) == (3, 4, 8)
    assert two.digest == canonical.of_bytes(two.text.encode())
    assert heads.follows(None, None, one.head)
    assert heads.follows(one.head, one.digest, two.head)
    assert not heads.follows(one.head, two.digest, two.head)
    with pytest.raises(ValueError, match="no records"):
        heads.following(one, [], participant=ME, at=AT)


def test_a_head_is_signed_with_the_seal_key_and_with_no_other() -> None:
    signed = _three(_hashes(9))[0]
    other, own = KeyPeriod("seal", keys.generate().public, 0.0), KeyPeriod("seal", KEY.public, 1000.0, 2000.0)
    assert signed.kid == KEY.kid
    assert signed.by([other, own], 1500.0)
    assert signed.by([other, own], 1000.0 - heads.TOLERANCE_SECONDS)
    assert not signed.by([other], 1500.0)
    assert not signed.by([KeyPeriod("token", KEY.public, 0.0)], 1500.0)
    assert not signed.by([own], 999.0 - heads.TOLERANCE_SECONDS)
    assert not signed.by([own], 2000.0 + heads.TOLERANCE_SECONDS)
    forged = heads.read(jws.sign(keys.generate(), signed.head.payload, typ=heads.TYPE, kid=KEY.kid))
    assert not forged.by([own], 1500.0)


def test_whole_heads_over_a_whole_chain_have_no_faults() -> None:
    hashes = _hashes(9)
    assert _read(hashes, list(_three(hashes))) == []
    assert _read(hashes, []) == []
    reading = Reading(ME, [(number, one, True) for number, one in enumerate(_three(hashes), 1)])
    for number, each in enumerate(hashes, 1):
        reading.record(number, each)
    assert (reading.end(), reading.number, reading.covered) == ([], 3, 8)


def test_a45_a_rewritten_record_breaks_the_head_over_it() -> None:
    hashes = _hashes(9)
    signed = _three(hashes)
    for changed, codes in ((5, ["head_root"]), (8, ["head_hash", "head_root"])):
        other = [*hashes[: changed - 1], canonical.of_bytes(b"other"), *hashes[changed:]]
        assert _read(other, list(signed)) == [HeadFault(3, 4, code) for code in codes]
    assert _read([*hashes[:5], "nonsense", *hashes[6:]], list(signed)) == [HeadFault(3, 4, "head_root")]


def test_a45_a_head_beyond_the_chain_is_found() -> None:
    hashes = _hashes(9)
    assert _read(hashes[:7], list(_three(hashes))) == [HeadFault(3, 4, "head_beyond")]
    assert _read([], list(_three(hashes))) == [
        HeadFault(number, first, "head_beyond") for number, first in ((1, 1), (2, 3), (3, 4))
    ]


def test_a45_a_head_with_a_record_missing_before_its_end_is_found() -> None:
    hashes = _hashes(9)
    reading = Reading(ME, [(number, one, True) for number, one in enumerate(_three(hashes), 1)])
    for number, each in enumerate(hashes, 1):
        if number != 3:
            reading.record(number, each)
    assert {fault.code for fault in reading.end()} == {"head_hash", "head_root"}


def test_a45_a_head_of_an_unknown_key_or_out_of_order_or_unreadable_is_found() -> None:
    hashes = _hashes(9)
    one, two, three = _three(hashes)
    assert {fault.code for fault in _read(hashes, [one, two, three], known=False)} == {"head_signature"}
    gone = Reading(ME, [(1, one, True), (3, three, True)])
    for number, each in enumerate(hashes, 1):
        gone.record(number, each)
    assert HeadFault(3, 4, "head_link") in gone.end()
    assert HeadFault(2, 3, "head_unreadable") in _read(hashes, [one, None, three])
    foreign = _signed(replace(two.head, participant="did:web:b.example"))
    assert HeadFault(2, 3, "head_unreadable") in _read(hashes, [one, foreign, three])


@pytest.mark.parametrize("number", range(4, 9))
def test_a_path_proves_that_a_record_is_under_a_head(number: int) -> None:
    hashes = _hashes(9)
    head = _three(hashes)[2].head
    path = heads.path(hashes[3:8], number - 4)
    assert heads.included(head, number, hashes[number - 1], path)
    assert not heads.included(head, number, hashes[0], path)
    assert not heads.included(head, number - 4, hashes[number - 1], path)
    assert not heads.included(head, number, "nonsense", path)
    assert not heads.included(head, number, hashes[number - 1], ["md5:00"])


@pytest.mark.parametrize(
    "change",
    [
        {"number": 0}, {"number": "1"}, {"number": True}, {"first": 3, "last": 2}, {"first": 0}, {"previous": "sha256:00"},
        {"previous": 1}, {"hash": "nonsense"}, {"root": "sha256:00"}, {"number": 2}, {"more": 1}, {"at": None},
    ],
)  # fmt: skip
def test_what_no_head_says_is_refused(change: dict[str, object]) -> None:
    head = heads.following(None, _hashes(2), participant=ME, at=AT)
    payload = {name: getattr(head, name) for name in head.__dataclass_fields__} | change
    with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
        heads.read(jws.sign(KEY, canonical.canonical(payload), typ=heads.TYPE, kid=KEY.kid))


def test_a_jws_that_is_no_head_is_refused() -> None:
    head = heads.following(None, _hashes(2), participant=ME, at=AT)
    for text in (
        "x",
        jws.sign(KEY, head.payload, typ="seal+jws", kid=KEY.kid),
        jws.sign(KEY, b"[]", typ=heads.TYPE, kid=KEY.kid),
        jws.sign(KEY, b" " + head.payload, typ=heads.TYPE, kid=KEY.kid),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - each for its own reason
            heads.read(text)
