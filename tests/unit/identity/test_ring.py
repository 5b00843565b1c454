"""Which of a participant's keys signs when, and what its DID document lists."""

from __future__ import annotations

from connector.identity import keys, pinned
from connector.identity.periods import KeyPeriod
from connector.identity.ring import RETIRED_LISTED, OwnKey, Ring

DID = "did:web:town.example"
PAIRS = [keys.generate() for _ in range(14)]
TOKEN = OwnKey("token", PAIRS[0].public, 0.0, 0.0, signer=PAIRS[0])


def chained(count: int) -> Ring:
    """Return a ring whose seal key was replaced every 100 seconds with an overlap of 10."""
    found = []
    for number, pair in enumerate(PAIRS[1 : count + 1]):
        since, last = number * 100.0, number == count - 1
        named = pinned.endorse(PAIRS[number], DID, pair.kid, "seal", int(since)) if number else None
        used = since + 10.0 if number else since
        until = None if last else since + 110.0
        found.append(
            OwnKey("seal", pair.public, since, used, until, None if until is None else until + 10.0, named, pair)
        )
    return Ring((TOKEN, *found))


def test_a_new_key_is_listed_before_it_signs_and_the_old_one_after() -> None:
    ring, (old, new) = chained(2), PAIRS[1:3]
    for now, signs, listed, retired in (
        (99.0, old, [old, new], []),
        (109.9, old, [old, new], []),
        (110.0, new, [old, new], []),
        (119.9, new, [old, new], []),
        (120.0, new, [new], [old]),
    ):
        assert ring.signer("seal", now).kid == signs.kid, now
        assert ring.listed("seal", now) == [pair.public for pair in listed], now
        assert ring.retired(now) == [pair.public for pair in retired], now
    assert ring.signer("token", 0.0).kid == PAIRS[0].kid
    assert (ring.turning("seal", 105.0), ring.turning("seal", 110.0), ring.turning("token", 0.0)) == (
        True,
        False,
        False,
    )


def test_a_document_lists_the_newest_retired_keys_and_what_leads_to_the_one_in_use() -> None:
    ring = chained(13)
    retired = ring.retired(1e9)
    assert retired == [pair.public for pair in PAIRS[13 - RETIRED_LISTED : 13]]
    assert len(ring.endorsements()) == RETIRED_LISTED + 1


def test_a_key_replaced_by_hand_is_not_listed_at_all() -> None:
    gone = OwnKey("seal", PAIRS[1].public, 0.0, 0.0, until=50.0)
    here = OwnKey("seal", PAIRS[2].public, 50.0, 50.0, signer=PAIRS[2])
    ring = Ring((TOKEN, gone, here))
    assert ring.listed("seal", 60.0) == [PAIRS[2].public]
    assert ring.retired(60.0) == []
    assert ring.signer("seal", 40.0).kid == PAIRS[2].kid  # the only one whose private half is here


def test_a_period_covers_its_beginning_and_not_its_end() -> None:
    period = KeyPeriod("seal", PAIRS[0].public, 10.0, 20.0)
    assert [period.covers(at) for at in (9.9, 10.0, 19.9, 20.0)] == [False, True, True, False]
    assert (period.covers(5.0, 5.0), period.covers(20.0, 5.0)) == (True, False)
