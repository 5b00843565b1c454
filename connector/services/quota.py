"""Quotas: each data request takes its unit, and its bytes, in a committed transaction before the first byte leaves.

What is counted is what the contract's policy asks for: `odrl:count` (in all), `NS requestsPer...` and `NS bytesPer...`. The
unit is added first and the policy evaluated on the new totals in the same transaction, so a refusal takes the addition back
and nothing is ever counted past a limit, however many processes share the database.

A request that gives no data (HEAD, 304, 412, 416, an empty body, an error) spends nothing. Each range is a request of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.errors import ConnectorError, Denied, TooMany, Unknown
from connector.ids import NS
from connector.policy.model import constraints
from connector.policy.world import Facts, Request
from connector.services import facts, permission
from connector.services.grants import Opening
from connector.services.house import House
from connector.services.periods import Period, period, zone_of
from connector.store.contracts import Contract
from connector.store.unit import Unit

BYTES: Final = NS + "bytesPer"
_UNLIMITED: Final = 2**60


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a data request has taken.

    Attributes:
        starts: of the periods in which its bytes count, by left operand.
        taken: bytes. most: the most bytes that its body may have, or None: no limit.
    """

    contract: str
    starts: Mapping[str, float]
    taken: int
    most: int | None


class _Exceeded(Exception):
    """What a request would have made of the counters, for the answer that is made outside of the transaction."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally


@dataclass(frozen=True, slots=True)
class Tally:
    """The counters as a request finds them: by left operand the period, what the request takes and the new total."""

    read: permission.Read
    request: Request
    known: Facts
    periods: Mapping[str, Period]
    amounts: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)

    def permits(self, counted: Mapping[str, int]) -> bool:
        """Return whether the request is permitted with these totals."""
        return self.read.test(self.request, self.facts(counted))

    def facts(self, counted: Mapping[str, int]) -> Facts:
        """Return what is known with these totals."""
        return permission.counting(self.known, counted)


@dataclass(slots=True)
class Meter:
    """Counts one data request."""

    house: House
    opening: Opening
    reservation: Reservation | None = None

    async def reserve(self, length: int | None) -> int | None:
        """Take a unit, and the bytes of a body of that length; None for a length that nobody knows yet.

        Returns:
            The most bytes that may be sent, or None: no limit.

        Raises:
            TooMany: `quota_used`, with the seconds until it can be asked again. Denied: `quota_spent`, `policy_denies`.
        """
        if not self.opening.counted:
            return None
        try:
            self.reservation = await self.house.store.write(lambda unit: _take(unit, self.opening, length))
        except _Exceeded as exceeded:
            raise _refusal(exceeded.tally) from None
        return self.reservation.most


def settle(unit: Unit, reservation: Reservation, sent: int) -> None:
    """Count the bytes that were sent in the place of those that were taken; also for a body that was cut."""
    for operand in sorted(reservation.starts):
        unit.counters.add(reservation.contract, operand, reservation.starts[operand], sent - reservation.taken)


def _take(unit: Unit, opening: Opening, length: int | None) -> Reservation:
    contract = unit.contracts.get(opening.grant.contract)
    if contract is None or contract.agreement is None:
        raise Unknown("data_unknown")
    tally = _tally(unit, contract)
    for operand in sorted(tally.read.counted):
        tally.amounts[operand] = (length or 0) if operand.startswith(BYTES) else 1
        tally.totals[operand] = _add(unit, contract, tally, operand)
    in_bytes = [operand for operand in tally.amounts if operand.startswith(BYTES)]
    most = length
    if length is None and in_bytes:
        most = _take_rest(unit, contract, tally, in_bytes)
    if not tally.permits(tally.totals):
        raise _Exceeded(tally)
    starts = {operand: tally.periods[operand].start for operand in in_bytes}
    return Reservation(contract.id, starts, most or 0, most if in_bytes else None)


def _take_rest(unit: Unit, contract: Contract, tally: Tally, in_bytes: Sequence[str]) -> int | None:
    """Take every byte that is left, for a body whose length nobody knows yet; what it does not need comes back."""
    rest = min(_left(tally, operand) for operand in in_bytes)
    if rest == _UNLIMITED:
        return None
    for operand in in_bytes:
        tally.amounts[operand] = max(1, rest)
        tally.totals[operand] = _add(unit, contract, tally, operand)
    return max(1, rest)


def _tally(unit: Unit, contract: Contract) -> Tally:
    agreement = contract.agreement or {}
    read, zone = permission.read(agreement), zone_of(agreement)
    if read is None or zone is None:
        # Whoever cannot tell when a period ends cannot count in it.
        raise Denied("quota_uncountable")
    request, known = facts.request_for(contract, unit.now), facts.of_contract(unit, contract)
    return Tally(read, request, known, {operand: period(operand, unit.now, zone) for operand in read.counted})


def _add(unit: Unit, contract: Contract, tally: Tally, operand: str) -> int:
    return unit.counters.add(contract.id, operand, tally.periods[operand].start, tally.amounts[operand])


def _left(tally: Tally, operand: str) -> int:
    """Return how many bytes the policy leaves: up to the largest of its limits that still permits."""
    if tally.permits({**tally.totals, operand: _UNLIMITED}):
        return _UNLIMITED
    limits = {
        math.floor(value) - (each.operator == "lt")
        for each in constraints(tally.read.policy)
        if each.left == operand
        for value in each.values or ()
        if not isinstance(value, (str, tuple))
    }
    fitting = [limit for limit in limits if tally.permits({**tally.totals, operand: limit})]
    return max(fitting, default=0) - tally.totals[operand]


def _refusal(tally: Tally) -> ConnectorError:
    """Return the answer to a request that a policy does not permit with the new totals."""
    verdict = permission.explained(tally.read, tally.request, tally.facts(tally.totals))
    rules = permission.rules(verdict)
    if not tally.permits(tally.amounts):
        return Denied("policy_denies", **rules)
    for end in sorted({each.end for each in tally.periods.values() if each.end is not None}):
        counted = {
            operand: tally.amounts[operand] if (each.end or math.inf) <= end else tally.totals[operand]
            for operand, each in tally.periods.items()
        }
        if tally.permits(counted):
            seconds = max(1, math.ceil(end - tally.request.now))
            return TooMany("quota_used", retry_after_seconds=seconds, **rules)
    return Denied("quota_spent", **rules)
