"""The hash chain: every change, removal, insertion and exchange of records is found, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector import canonical
from connector.evidence.chain import GENESIS, Fault, Record, faults, link, payload_digest

Item = tuple[Record, tuple[str, str] | None]


def _chain(length: int) -> list[Item]:
    items: list[Item] = []
    previous = GENESIS
    for number in range(1, length + 1):
        payload = (f"salt{number}", f'{{"state":"{number}"}}')
        at = f"2026-08-14T06:{number // 60:02}:{number % 60:02}.000Z"
        bare = Record(number, at, "negotiation.state", f"urn:{number}", payload_digest(*payload))
        record = link(previous, bare)
        items.append((record, payload))
        previous = record.hash
    return items


def _head(items: list[Item]) -> tuple[int, str]:
    return items[-1][0].number, items[-1][0].hash


def _changed(item: Item, **changes: str) -> Item:
    return replace(item[0], **changes), item[1]  # type: ignore[arg-type]


def test_an_empty_chain_and_a_whole_one_have_no_faults() -> None:
    items = _chain(5)
    assert list(faults([])) == []
    assert list(faults([], head=(0, GENESIS))) == []
    assert list(faults(items)) == []
    assert list(faults(items, head=_head(items))) == []


def test_the_hash_covers_the_previous_hash_and_every_field() -> None:
    record = Record(1, "2026-08-14T06:35:00.000Z", "kind", "subject", "sha256:" + "1" * 64)
    covered = [GENESIS, 1, record.at, "kind", "subject", record.payload_digest]
    assert link(GENESIS, record).hash == canonical.digest(covered)
    others = [
        replace(record, number=2),
        replace(record, at="2026-08-14T06:35:00.001Z"),
        replace(record, kind="kine"),
        replace(record, subject="subjecu"),
        replace(record, payload_digest="sha256:" + "2" * 64),
    ]
    hashes = {link(GENESIS, other).hash for other in others} | {link("sha256:" + "1" * 64, record).hash}
    assert len(hashes) == 6
    assert link(GENESIS, record).hash not in hashes


def test_the_digest_of_a_payload_depends_on_its_salt_and_its_exact_text() -> None:
    assert payload_digest("salt", '{"a":1}') == canonical.of_bytes(b'salt\n{"a":1}')
    assert len({payload_digest("salt", "{}"), payload_digest("tlas", "{}"), payload_digest("salt", "{ }")}) == 3


def test_a_removed_payload_is_no_fault() -> None:
    items = _chain(3)
    items[1] = (items[1][0], None)
    assert list(faults(items, head=_head(items))) == []


@pytest.mark.parametrize("field", ["at", "kind", "subject", "payload_digest"])
def test_i10_a_changed_record_is_found(field: str) -> None:
    items = _chain(4)
    items[1] = _changed(items[1], **{field: "changed"})
    assert Fault(2, "hash") in list(faults(items, head=_head(items)))
    assert {fault.number for fault in faults(items)} == {2}


def test_i10_a_changed_record_with_a_new_hash_is_found_at_the_next_one() -> None:
    items = _chain(4)
    forged = link(items[0][0].hash, replace(items[1][0], subject="another"))
    items[1] = (forged, items[1][1])
    assert list(faults(items)) == [Fault(3, "hash")]


def test_i10_a_changed_payload_is_found() -> None:
    items = _chain(4)
    items[2] = (items[2][0], ("salt3", '{"state":"4"}'))
    assert list(faults(items)) == [Fault(3, "payload")]


def test_i10_a_deleted_record_is_found() -> None:
    items = _chain(4)
    del items[1]
    assert list(faults(items)) == [Fault(2, "number"), Fault(3, "hash")]


def test_i10_an_inserted_record_is_found() -> None:
    items = _chain(4)
    extra = link(items[1][0].hash, replace(items[1][0], number=3, subject="extra"))
    shifted: list[Item] = [(replace(record, number=record.number + 1), payload) for record, payload in items[2:]]
    found = list(faults([*items[:2], (extra, items[1][1]), *shifted], head=_head(items)))
    assert found == [Fault(4, "hash"), Fault(5, "hash"), Fault(5, "head")]


def test_i10_two_records_that_changed_places_are_found() -> None:
    items = _chain(4)
    items[1], items[2] = items[2], items[1]
    assert Fault(2, "number") in list(faults(items))
    swapped = [items[0], _numbered(items[1], 2), _numbered(items[2], 3), items[3]]
    assert {fault.number for fault in faults(swapped)} == {2, 3, 4}


def _numbered(item: Item, number: int) -> Item:
    return replace(item[0], number=number), item[1]


def test_i10_records_missing_at_the_end_are_found_by_the_head() -> None:
    items = _chain(4)
    assert list(faults(items[:2])) == []
    assert list(faults(items[:2], head=_head(items))) == [Fault(3, "head")]
    assert list(faults([], head=_head(items))) == [Fault(1, "head")]


def test_i10_records_added_at_the_end_are_found_by_the_head() -> None:
    items = _chain(4)
    assert list(faults(items, head=_head(items[:3]))) == [Fault(4, "head")]
    assert list(faults(items, head=(4, "sha256:x"))) == [Fault(4, "head")]


def test_a_part_of_a_chain_is_checked_from_the_record_before_it() -> None:
    items = _chain(6)
    before = items[2][0]
    assert list(faults(items[3:], before.hash, after=3, head=_head(items))) == []
    assert list(faults(items[3:], GENESIS, after=3)) == [Fault(4, "hash")]
    assert list(faults(items[4:], before.hash, after=3)) == [Fault(4, "number"), Fault(5, "hash")]


@given(st.integers(1, 12), st.data())
def test_i10_any_one_changed_character_is_found_in_its_record(length: int, data: st.DataObject) -> None:
    items = _chain(length)
    index = data.draw(st.integers(0, length - 1))
    field = data.draw(st.sampled_from(["at", "kind", "subject", "payload_digest", "hash"]))
    text: str = getattr(items[index][0], field)
    place = data.draw(st.integers(0, len(text) - 1))
    items[index] = _changed(items[index], **{field: text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]})
    assert index + 1 in {fault.number for fault in faults(items, head=_head(_chain(length)))}
