"""The journal as operators read it: pages of what they search for, and one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from connector import clock, loader
from connector.errors import Invalid, Missing
from connector.services import cursors
from connector.services.house import House
from connector.store import journal
from connector.store.heads import SealedHead
from connector.store.journal import EVERYTHING, Search
from connector.store.unit import Unit

_DATE_CHARACTERS: Final = len("2026-01-01")
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
    contract: str | None = None
    peer: str | None = None
    dataset: str | None = None


def search(*, since: str | None = None, until: str | None = None, **wanted: str | None) -> Search:
    """Return a search from what an operator typed; a time is an xsd:dateTime with its zone, or a date (its midnight in UTC).

    Raises:
        Invalid: `journal_time`.
    """
    times = {name: time_of(name, text) for name, text in (("since", since), ("until", until)) if text is not None}
    return Search(**times, **wanted)


def time_of(name: str, text: str, *, place: str = "?") -> str:
    """Return a time that an operator typed as records carry it. Raises Invalid `journal_time`."""
    try:
        return clock.iso(clock.seconds(f"{text}T00:00:00Z" if len(text) == _DATE_CHARACTERS else text))
    except (ValueError, OverflowError):
        raise Invalid("journal_time", field=f"{place}{name}") from None


async def page(
    house: House, participant: str, cursor: str | None = None, limit: int = 100, search: Search = EVERYTHING
) -> tuple[list[Entry], str | None]:
    """Return the records wanted, in order. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    number = cursors.position(cursor)

    def work(unit: Unit) -> list[dict[str, Any]]:
        return journal.page(unit.conn, participant, after=number, limit=limit + 1, search=search)

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


async def exported(
    house: House, participant: str, cursor: str | None = None, limit: int = 100, search: Search = EVERYTHING
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the records wanted, in order, with everything that their check needs. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    number = cursors.position(cursor)

    def work(unit: Unit) -> list[dict[str, Any]]:
        return journal.exported(unit.conn, participant, after=number, limit=limit + 1, search=search)

    found = await house.store.read(work)
    return found[:limit], cursors.write(float(found[limit - 1]["number"]), "") if len(found) > limit else None


async def heads(
    house: House, participant: str, cursor: str | None = None, limit: int = 100
) -> tuple[list[SealedHead], str | None]:
    """Return a participant's signed heads in order. Raises Invalid `cursor_invalid`."""
    house.member(participant)
    number = cursors.position(cursor)
    found = await house.store.read(lambda unit: unit.heads.page(participant, after=number, limit=limit + 1))
    return found[:limit], cursors.write(float(found[limit - 1].number), "") if len(found) > limit else None


def _entry(row: dict[str, Any]) -> Entry:
    payload = None if row["payload"] is None else loader.load_object(row["payload"].encode(), limit=_PAYLOAD_BYTES)
    by = payload.get("by") if isinstance(payload, dict) else None
    return Entry(
        row["number"], row["at"], row["kind"], row["subject"], by if isinstance(by, str) else None,
        payload, row["payload_digest"], row["hash"], row["contract"], row["peer"], row["dataset"],
    )  # fmt: skip
