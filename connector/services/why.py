"""Why a contract permits reading now, or does not: the whole trace, for the operator alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector import clock
from connector.errors import Missing
from connector.policy import report
from connector.policy.evaluate import evaluate
from connector.policy.explain.sentences import explain, graded
from connector.policy.model import Policy
from connector.protocol.machine import PROVIDER
from connector.services import facts, permission, standing
from connector.services.house import House
from connector.services.periods import Period, period, zone_of
from connector.store.contracts import Contract
from connector.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Used:
    """How much of a quota is used up: its left operand, in the period until `until` (None: in all)."""

    operand: str
    used: int
    until: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """What a contract's policy says of reading the dataset now; times are xsd:dateTimes.

    Attributes:
        decision: `permit`, `deny` or `not-applicable`; of the present request, counters included.
        held_by: a code when something beside the policy holds access up: the peer's keys have changed, it was removed.
        next_change: when time alone changes the decision.
        recovers: a refusal that time, a duty that can be done or a confirmed key can turn.
        as_agreement: there is no agreement yet: the offer was evaluated as the one it would become.
        rules: as `policies check --json` gives them, each with its `sentence` and `grade`.
    """

    decision: str
    held_by: str | None
    time: str
    next_change: str | None
    recovers: bool
    as_agreement: bool
    purpose: str | None
    reasons: list[str]
    used: list[Used]
    rules: list[dict[str, Any]]


async def why(house: House, participant: str, contract: str, language: str) -> Why:
    """Evaluate a contract's policy now, with everything that is known. Raises Missing `contract_unknown`."""
    house.member(participant)

    def work(unit: Unit) -> Why:
        found = unit.contracts.get(contract)
        if found is None or found.participant != participant:
            raise Missing("contract_unknown")
        return _why(unit, found, language)

    return await house.store.read(work)


def _why(unit: Unit, contract: Contract, language: str) -> Why:
    document = contract.agreement or _offer(unit, contract)
    read, zone = permission.read(document), zone_of(document)
    if read is None:
        return _unreadable(unit, contract)
    found = {} if zone is None else {operand: period(operand, unit.now, zone) for operand in sorted(read.counted)}
    # A consumer counts nothing: its noughts would say that nothing is used up.
    used = _used(unit, contract, found) if contract.role == PROVIDER else []
    known = facts.of_contract(unit, contract, {each.operand: each.used + 1 for each in used} if used else facts.FIRST)
    request = facts.request_for(contract, unit.now)
    made = report.decision(evaluate(read.policy, request, known), clock.iso)
    said = standing.verdict(unit, contract) if contract.agreement else None
    return Why(
        decision=made["decision"], held_by=_held(said), time=clock.iso(unit.now), next_change=made["next_change"],
        recovers=said is not None and said.recovers, as_agreement=made["as_agreement"], purpose=contract.purpose,
        reasons=made["reasons"], used=used, rules=_told(read.policy, made["rules"], language),
    )  # fmt: skip


def _offer(unit: Unit, contract: Contract) -> Mapping[str, Any]:
    """Return what the agreement would be made of: the offer row of ours as provider, else the offer on the table."""
    ours = contract.role == PROVIDER and contract.offer_row is not None
    row = unit.offers.get(contract.participant, contract.offer_row or "") if ours else None
    return row.document if row is not None else contract.offer


def _used(unit: Unit, contract: Contract, periods: Mapping[str, Period]) -> list[Used]:
    spent = unit.counters.of_contract(contract.id)
    return [
        Used(operand, spent.get((operand, each.start), 0), None if each.end is None else clock.iso(each.end))
        for operand, each in periods.items()
    ]


def _told(policy: Policy, rules: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """Return the rules with their sentences."""
    sentences = {each.rule: each for each in explain(policy, language).sentences}
    none = {"sentence": "", "grade": ""}
    return [
        rule
        | ({"sentence": each.text, "grade": graded(each, language)} if (each := sentences.get(rule["rule"])) else none)
        for rule in rules
    ]


def _held(said: permission.Verdict | None) -> str | None:
    return next((reason for reason in said.reasons if reason in standing.CODES), None) if said else None


def _unreadable(unit: Unit, contract: Contract) -> Why:
    return Why(
        decision="deny", held_by=None, time=clock.iso(unit.now), next_change=None, recovers=False, as_agreement=False,
        purpose=contract.purpose, reasons=[permission.UNREADABLE], used=[], rules=[],
    )  # fmt: skip
