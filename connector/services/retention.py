"""Removing what records say when it is old enough, by the kind of record: the chain stays whole, and each removal is a record.

What a contract's evidence needs (its messages, decisions, seals and grants) stays while the contract is in force. Records of
removals are never emptied themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector import clock
from connector.errors import Invalid
from connector.services import facts, permission
from connector.services.house import House
from connector.services.journal import time_of
from connector.store import journal
from connector.store.unit import Unit
from connector.store.verification import REMOVAL

ACCESS, EXCHANGE, ADMINISTRATION = "access", "exchange", "administration"
GROUPS: Final[Mapping[str, str]] = {"data": ACCESS} | dict.fromkeys(
    ("negotiation", "transfer", "grant", "contract", "seal"), EXCHANGE
)
"""The group of a record by the first part of its kind; every other kind is of the group `administration`."""

NAMES: Final = (ACCESS, EXCHANGE, ADMINISTRATION)
DAY_SECONDS: Final = 86400.0
_KEPT: Final = frozenset({"journal"})
_BATCH: Final = 500
_REFERENCE_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: how many payloads, of records before a time."""

    participant: str
    count: int
    before: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which payloads are to go, on whose decision."""

    groups: frozenset[str]
    before: str
    reference: str
    by: str


def group_of(kind: str) -> str | None:
    """Return the group of a kind of record; None for kinds whose payloads are never removed."""
    first = kind.partition(".")[0]
    return None if first in _KEPT else GROUPS.get(first, ADMINISTRATION)


async def run_due(house: House, participant: str) -> int:
    """Remove what the settings say is old enough; at most once a day. Returns how many payloads were removed."""
    if house.retained.get(participant, 0.0) > house.now() - DAY_SECONDS:
        return 0
    house.retained[participant] = house.now()
    count = 0
    for group, days in house.retention.items():
        if days > 0:
            before = clock.iso(house.now() - days * DAY_SECONDS)
            wish = _Wish(frozenset({group}), before, f"retention_{group}_days = {days}", "upkeep")
            count += await _remove(house, participant, wish)
    return count


async def remove(
    house: House, participant: str, *, before: str, groups: Sequence[str], reference: str, by: str
) -> Removed:
    """Remove payloads of groups of kinds from before a time, on a decision that `reference` names (a diary number, say).

    Raises:
        Missing: `participant_unknown`. Invalid: `journal_time`, `journal_group`, `journal_reference`.
    """
    house.member(participant)
    moment = time_of("before", before, place="/")
    if not groups or not set(groups) <= set(NAMES):
        raise Invalid("journal_group", field="/kinds", allowed=", ".join(NAMES))
    wish = _Wish(frozenset(groups), moment, referred(reference), by)
    return Removed(participant, await _remove(house, participant, wish), moment)


def referred(reference: str) -> str:
    """Return what an operator typed as the decision behind a change. Raises Invalid `journal_reference`."""
    if not reference.strip() or len(reference) > _REFERENCE_CHARACTERS or not reference.isprintable():
        raise Invalid("journal_reference", field="/reference", most=_REFERENCE_CHARACTERS)
    return reference.strip()


async def _remove(house: House, participant: str, wish: _Wish) -> int:
    count, after = 0, 0
    while True:
        found, last = await house.store.write(
            lambda unit, after=after: _batch(unit, participant, wish, after)  # type: ignore[misc]
        )
        count += found
        if last is None:
            return count
        after = last


def _batch(unit: Unit, participant: str, wish: _Wish, after: int) -> tuple[int, int | None]:
    """Remove payloads of the next records; return how many, and the last record looked at, None at the end."""
    rows = journal.held(unit.conn, participant, after=after, before=wish.before, limit=_BATCH)
    numbers = [
        row.number
        for row in rows
        if group_of(row.kind) in wish.groups and not (group_of(row.kind) == EXCHANGE and _needed(unit, row.contract))
    ]
    if numbers:
        journal.remove_payloads(unit.conn, participant, numbers)
        unit.record(
            participant, REMOVAL, participant, ranges=list(ranges(numbers)), count=len(numbers), before=wish.before,
            groups=sorted(wish.groups), reference=wish.reference, by=wish.by,
        )  # fmt: skip
    return len(numbers), rows[-1].number if rows else None


def ranges(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Yield rising numbers as [first, last] of each run."""
    first = last = None
    for number in numbers:
        if first is not None and last is not None and number != last + 1:
            yield [first, last]
            first = None
        first, last = number if first is None else first, number
    if first is not None and last is not None:
        yield [first, last]


def _needed(unit: Unit, contract: str | None) -> bool:
    """Tell whether a contract is still negotiated or in force: its policy permits now, or may do so later."""
    held = unit.contracts.get(contract) if contract else None
    exchange = unit.exchanges.load(held.participant, held.id) if held else None
    if held is None or exchange is None:
        return False
    if not exchange.turn.ended:
        return True
    if held.agreement is None or exchange.turn.state == "TERMINATED":
        return False
    said = permission.verdict(held.agreement, facts.request_for(held, unit.now), facts.of_contract(unit, held))
    return said.permits or said.recovers
