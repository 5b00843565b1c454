"""The journal as operators read it: pages, one record, and the check of the whole chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, Final

from connector import loader
from connector.errors import Missing
from connector.evidence import chain
from connector.services import cursors
from connector.services.house import House
from connector.store import journal
from connector.store.unit import Unit

_MOST_FAULTS: Final = 100
_PAYLOAD_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `payload` is None where it has been removed; `by` is who made the change, where a person did."""

    number: int
    at: str
    kind: str
    subject: str
    by: str | None
    payload: dict[str, Any] | None
    payload_digest: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of a chain found: how many records, the last hash, and at most 100 faults."""

    participant: str
    records: int
    hash: str
    faults: list[chain.Fault]


async def page(
    house: House, participant: str, cursor: str | None = None, limit: int = 100, subject: str | None = None
) -> tuple[list[Entry], str | None]:
    """Return records in order, of one subject where it is given. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    number = cursors.position(cursor)

    def work(unit: Unit) -> list[dict[str, Any]]:
        return journal.page(unit.conn, participant, after=number, limit=limit + 1, subject=subject)

    found = [_entry(row) for row in await house.store.read(work)]
    return found[:limit], cursors.write(float(found[limit - 1].number), "") if len(found) > limit else None


async def show(house: House, participant: str, number: int) -> Entry:
    """Return a record by its number. Raises Missing `journal_unknown`."""
    house.member(participant)
    after = number - 1 if 0 < number <= cursors.MOST_POSITION else cursors.MOST_POSITION
    rows = await house.store.read(lambda unit: journal.page(unit.conn, participant, after=after, limit=1))
    if not rows or rows[0]["number"] != number:
        raise Missing("journal_unknown")
    return _entry(rows[0])


async def verify(house: House, participant: str) -> Verdict:
    """Check every link and payload of a participant's chain, and that it ends where the writer left it."""
    house.member(participant)

    def work(unit: Unit) -> Verdict:
        # The head first: what is written meanwhile lies behind it.
        number, last = journal.head(unit.conn, participant)
        end = chain.Record(0, "", "", "", "", chain.GENESIS)

        def read() -> Iterator[tuple[chain.Record, tuple[str, str] | None]]:
            nonlocal end
            for record, payload in takewhile(
                lambda item: item[0].number <= number, journal.chain(unit.conn, participant)
            ):
                end = record
                yield record, payload

        faults = list(islice(chain.faults(read()), _MOST_FAULTS))
        if len(faults) < _MOST_FAULTS and (end.number, end.hash) != (number, last):
            faults.append(chain.Fault(number, "head"))
        return Verdict(participant, number, last, faults)

    return await house.store.read(work)


def _entry(row: dict[str, Any]) -> Entry:
    payload = None if row["payload"] is None else loader.load_object(row["payload"].encode(), limit=_PAYLOAD_BYTES)
    by = payload.get("by") if isinstance(payload, dict) else None
    return Entry(
        row["number"], row["at"], row["kind"], row["subject"], by if isinstance(by, str) else None,
        payload, row["payload_digest"], row["hash"],
    )  # fmt: skip
