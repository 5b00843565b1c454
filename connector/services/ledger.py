"""The ledger of duties, inside units of work: duties of an agreement become rows, triggers set their due times, time violates.

Both parties keep the same rows, each for itself: the agreement is the same text, and what triggers a duty is seen by both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from connector import clock
from connector.ids import NS
from connector.policy.model import Constraint, Policy, Rule
from connector.policy.operands import TRIGGER
from connector.policy.trace import duty_report
from connector.policy.values import instant
from connector.policy.world import Facts, World
from connector.protocol.machine import CONSUMER, PROVIDER
from connector.services import facts, permission
from connector.services.office import Office
from connector.store.contracts import Contract
from connector.store.duties import NOT_SET, VIOLATED, Duty
from connector.store.unit import Unit

FINALISED: Final = NS + "agreementFinalised"
RECEIVED: Final = NS + "dataReceived"
COMPLETED: Final = NS + "transferCompleted"


def begin(unit: Unit, office: Office, contract: Contract) -> None:
    """Make the rows of a final agreement's duties; those that are there already stay as they are."""
    policy = _policy(contract)
    if policy is None:
        return
    duties = [duty for rule in policy.permissions for duty in rule.then]
    _add(unit, office, contract, [*duties, *policy.obligations], _agreed(unit, contract))


def triggered(unit: Unit, office: Office, contract_id: str, trigger: str) -> None:
    """Set the due times of the duties that waited for what has happened now for the first time."""
    waiting = [row for row in unit.duties.of_contract(contract_id) if row.since is None and row.trigger == trigger]
    contract = unit.contracts.get(contract_id) if waiting else None
    if contract is None:
        return
    rules = dict(_named(contract))
    for row in waiting:
        due = _due(rules[row.duty], row.duty, contract, unit.now) if row.duty in rules else None
        unit.duties.change(row.id, since=unit.now, due=due)
        _record(unit, "duty.triggered", replace(row, since=unit.now, due=due))
    unit.after_commit(office.watch)


def expire(unit: Unit, office: Office) -> int:
    """Mark the duties whose time is up; what the agreement sets as their consequences becomes duties. Return how many."""
    late = unit.duties.overdue(unit.now)
    for row in late:
        unit.duties.change(row.id, state=VIOLATED)
        _record(unit, "duty.overdue", replace(row, state=VIOLATED))
        contract = unit.contracts.get(row.contract)
        rule = dict(_named(contract)).get(row.duty) if contract else None
        if contract and rule:
            _add(unit, office, contract, rule.then, unit.now)
    if late:
        unit.after_commit(office.watch)
    return len(late)


def key(duty: Rule) -> str:
    """Return what a duty is called: its `uid`, or its JSON pointer in the agreement."""
    return duty.uid or duty.pointer


def _add(unit: Unit, office: Office, contract: Contract, duties: list[Rule] | tuple[Rule, ...], start: float) -> None:
    known = {row.duty for row in unit.duties.of_contract(contract.id)} if duties else set()
    for duty in duties:
        if key(duty) not in known:
            known.add(key(duty))
            row = _row(unit, contract, duty, start)
            unit.duties.add(row)
            _record(unit, "duty.added", row)
            unit.after_commit(office.watch)


def _row(unit: Unit, contract: Contract, duty: Rule, start: float) -> Duty:
    name, trigger = key(duty), _trigger(duty)
    since = start if trigger == FINALISED else None
    made = hashlib.sha256(f"{contract.id}\n{name}".encode()).hexdigest()[:16]
    return Duty(
        id=made, participant=contract.participant, contract=contract.id, peer=contract.peer, duty=name, kind=duty.kind,
        action=duty.action.iri, obliged=_obliged(contract, duty), trigger=trigger, state=NOT_SET, created=unit.now,
        since=since, due=_due(duty, name, contract, since),
    )  # fmt: skip


def _obliged(contract: Contract, duty: Rule) -> str:
    """Return who has to do a duty: the consumer, unless the rule names the provider as its assignee."""
    provider = contract.participant if contract.role == PROVIDER else contract.peer
    return PROVIDER if duty.assignee is not None and duty.assignee.iri == provider else CONSUMER


def _trigger(duty: Rule) -> str:
    """Return what a duty waits for; without a word about it, the agreement."""
    named = [each for each in duty.constraints if isinstance(each, Constraint) and each.left == TRIGGER]
    if not named:
        return FINALISED
    values = named[0].values or ()
    return str(values[0]) if len(values) == 1 and len(named) == 1 else ""


def _due(duty: Rule, name: str, contract: Contract, since: float | None) -> float | None:
    known = Facts(agreed_at=contract.agreed, due_from={} if since is None else {name: since})
    return duty_report(duty, World(facts.request_for(contract, since or 0.0), known, promise=False)).due


def _agreed(unit: Unit, contract: Contract) -> float:
    """Return when the agreement was made, as it says itself: so both parties count from the same moment."""
    stated = (contract.agreement or {}).get("timestamp")
    return (instant(stated) if isinstance(stated, str) else None) or unit.now


def _named(contract: Contract) -> Iterator[tuple[str, Rule]]:
    """Give every duty of an agreement, consequences of any depth included, by what it is called."""
    policy = _policy(contract)
    waiting = [duty for rule in policy.permissions for duty in rule.then] if policy else []
    waiting += policy.obligations if policy else ()
    while waiting:
        duty = waiting.pop()
        yield key(duty), duty
        waiting += duty.then


def _policy(contract: Contract) -> Policy | None:
    found = permission.read(contract.agreement) if contract.agreement else None
    return found.policy if found else None


def _record(unit: Unit, kind: str, row: Duty) -> None:
    unit.record(
        row.participant, kind, row.contract,
        peer=row.peer, duty=row.duty, action=row.action, obliged=row.obliged, state=row.state,
        due=clock.iso(row.due) if row.due is not None else None,
    )  # fmt: skip
