"""The rules with one clause left out or turned round, each in place of the function of the core that holds it."""

# The rules are called by their names here, so mypy does not know what they return.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from connector.errors import BadMessage
from connector.protocol import machine, transfer
from connector.protocol.machine import (
    PROVIDER,
    TERMINATED,
    TERMINATION,
    Incoming,
    Pending,
    Process,
    Proposal,
    Reception,
)
from connector.services import decide
from connector.services import transfer as transfers
from connector.services.grants import Grants
from connector.store.exchanges import STATES

Change = Callable[[], Any]


_real: dict[str, Any] = {name: getattr(machine, name) for name in dir(machine) if callable(getattr(machine, name))}


def in_machine(**names: Any) -> Change:
    return lambda: mock.patch.multiple(machine, **names)


def at(target: Any, name: str, value: Any) -> Change:
    return lambda: mock.patch.object(target, name, value)


# Rule 1


def at_once(process: Process, move: str, message_id: str, *, sent: bool) -> Proposal:
    made: Proposal = _real["_make"](process, move, message_id, sent=sent)
    pending = made.process.pending
    if made.verdict != "pending" or pending is None:
        return made
    return replace(made, process=replace(made.process, state=pending.target))


def shows_nothing(process: Process, state: str) -> Process | None:
    pending = process.pending
    if pending and pending.sent and pending.target == state and state not in process.table.terminal:
        return None
    return _real["shown"](process, state)


def without(field: str, value: Any) -> Change:
    """Give a field of both tables another value; every process refers to the tables themselves."""

    @contextmanager
    def change() -> Iterator[None]:
        before = {name: getattr(table, field) for name, table in STATES.items()}
        for table in STATES.values():
            object.__setattr__(table, field, value)
        try:
            yield
        finally:
            for name, table in STATES.items():
                object.__setattr__(table, field, before[name])

    return change


def close_late(self: Any, unit: Any, office: Any, exchange: Any, *, by: str) -> None:
    """Close a grant only when the state says so."""
    turn = exchange.turn
    settled = replace(exchange, turn=replace(turn, pending=None, wanted=None))
    if turn.role == PROVIDER and turn.pending and turn.pending.move == transfer.START:
        settled = replace(exchange, turn=replace(turn, wanted=None))
    _changed(self, unit, office, settled, by=by)


_changed = transfers.Transfers.changed


# Rule 2


def never_proves(process: Process, _message: Incoming) -> tuple[Process, Pending | None]:
    return process, None


def proves_by_name_only(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    if message.after is None:
        return process, None
    return _real["_acknowledge_by"](process, message)


def proves_by_order_only(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    return _real["_acknowledge_by"](process, replace(message, after=None))


def proves_unsent(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    pending = process.pending
    if pending is None or pending.sent:
        return _real["_acknowledge_by"](process, message)
    sent = replace(process, pending=replace(pending, sent=True))
    now, proved = _real["_acknowledge_by"](sent, message)
    return (now, proved) if proved else (process, None)


def not_final(_self: Any, unit: Any, exchange: Any, contract: Any) -> bool:
    negotiation = unit.exchanges.load(exchange.participant, contract.id, exchange.peer)
    return negotiation is not None and negotiation.turn.state == "FINALIZED"


def not_started(self: Any, unit: Any, grant: str, _generation: int) -> Any:
    opening = self._open(unit, grant)
    if opening is None:
        raise BadMessage("grant_closed")
    return opening


def started_by_any(self: Any, unit: Any, grant_id: str, _generation: int) -> Any:
    grant = unit.grants.get(grant_id)
    return _started_by_reading(self, unit, grant_id, grant.generation)


_started_by_reading = Grants._started_by_reading


def refresh_counts(process: Process, pending: Pending) -> Process:
    changed = replace(process, state=None) if (process.state, pending.move) == process.table.refresh else process
    return _real["_effective"](changed, pending)


# Rule 3


def no_repeat_by_id(process: Process, message: Incoming) -> Reception | None:
    if message.known_digest is not None:
        return None
    return _real["_repeat"](process, message)


def no_repeat_by_content(process: Process, message: Incoming) -> Reception | None:
    if not message.identified:
        return None
    return _real["_repeat"](process, message)


def repeat_although_moved(process: Process, message: Incoming) -> Reception | None:
    found: Reception | None = _real["_repeat"](replace(process, moved=False), message)
    return replace(found, process=process) if found else None


# Rule 4


def crossing(change: Callable[[Process, str, str], str | None]) -> Change:
    def cross(process: Process, move: str, target: str) -> str:
        if process.pending is None:
            return "keep"
        verdict: str = change(process, move, target) or _real["_cross"](process, move, target)
        return verdict

    return in_machine(_cross=cross)


def ordinary(process: Process) -> bool:
    pending = process.pending
    return bool(pending and pending.sent and pending.move != TERMINATION)


def equal_refused(process: Process, move: str, target: str) -> str | None:
    pending = process.pending
    equal = pending is not None and pending.sent and pending.move != TERMINATION and target == pending.target
    return "refuse" if equal and move != TERMINATION and (process.state, move) != process.table.refresh else None


def terminations_refused(process: Process, move: str, _target: str) -> str | None:
    return "refuse" if move == TERMINATION and ordinary(process) and process.role == PROVIDER else None


def terminations_give_way(process: Process, move: str, _target: str) -> str | None:
    pending = process.pending
    return "drop" if pending and pending.move == TERMINATION and pending.sent and move != TERMINATION else None


def unsent_terminations_give_way(process: Process, move: str, _target: str) -> str | None:
    pending = process.pending
    return "drop" if pending and pending.move == TERMINATION and not pending.sent and move != TERMINATION else None


def both_give_way(process: Process, move: str, target: str) -> str | None:
    pending = process.pending
    unequal = pending is not None and ordinary(process) and target != pending.target and move != TERMINATION
    return "drop" if unequal and (process.state, move) != process.table.refresh else None


def neither_gives_way(process: Process, move: str, target: str) -> str | None:
    return "refuse" if both_give_way(process, move, target) else None


def unsent_holds(process: Process, move: str, _target: str) -> str | None:
    pending = process.pending
    if pending is None or pending.sent or move == TERMINATION or process.role != PROVIDER:
        return None
    return "refuse"


def starts_are_kept(process: Process, _move: str, target: str) -> str | None:
    pending = process.pending
    again = pending is not None and process.role == PROVIDER and pending.sent and target == pending.target
    return "keep" if again and pending and (pending.target, pending.move) == process.table.refresh else None


def any_replaces(process: Process, move: str, message_id: str, *, sent: bool = False) -> Proposal:
    pending = process.pending
    if pending and pending.move != TERMINATION and process.table.target(process.state, move, process.role):
        free = replace(process, pending=None)
        return replace(_real["_make"](free, move, message_id, sent=sent), dropped=pending)
    return _real["propose"](process, move, message_id, sent=sent)


def first_is_replaced(process: Process, pending: Pending, message_id: str, *, sent: bool) -> Proposal:
    if process.state is None and pending.sent:
        ended = replace(process, pending=None, wanted=None, state=TERMINATED)
        return Proposal(ended, "done", dropped=pending)
    return _real["_replace"](process, pending, message_id, sent=sent)


def last_is_replaced(process: Process, pending: Pending, message_id: str, *, sent: bool) -> Proposal:
    if process.state is not None and pending.sent and pending.target in process.table.terminal:
        free = replace(process, pending=None, wanted=None)
        return replace(_real["_make"](free, TERMINATION, message_id, sent=sent), dropped=pending)
    return _real["_replace"](process, pending, message_id, sent=sent)


def no_second_start(situation: decide.Situation) -> decide.Decision:
    if situation.move == transfer.START:
        return decide.NOTHING
    return _start(situation)


_start = decide._start
RULES_WITHOUT_START = {**decide._RULES, ("transfer", PROVIDER, transfer.STARTED): no_second_start}


def adopt_nothing(process: Process, state: str) -> Process | None:
    pending = process.pending
    if pending and pending.sent and pending.target == state:
        return _real["shown"](process, state)
    return None


def adopt_anything(process: Process, state: str) -> Process | None:
    found: Process | None = _real["shown"](process, state)
    if found is None and not process.ended and process.table.path(process.state, state, process.peer):
        return replace(process, state=state, pending=None, wanted=None, moved=True, adopted=True, stalled=None)
    return found


def adopted_is_deaf(process: Process, message: Incoming) -> Reception:
    found: Reception = _real["receive"](replace(process, adopted=False), message)
    return found if found.effect != "refused" else replace(found, process=process)


def first_refusal_stalls(process: Process, message_id: str, reason: str) -> Process | None:
    pending = process.pending
    if process.state is None and pending is not None and pending.id == message_id:
        return replace(process, state=pending.target, pending=None, wanted=None, stalled=reason)
    return _real["refused"](process, message_id, reason)


def never_stale(_process: Process, _message: Incoming) -> None:
    return None


def never_compared(process: Process, _state: str | None, *, refused: bool) -> Process:
    del refused
    return process
