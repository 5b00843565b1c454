"""Each clause of the four rules, taken away: what the simulation has to notice.

A clause is a name, the kinds in which it is missed, and a change to the core that removes it. `miss` counts what goes wrong
without it: seeds with a fault, or processes that end stalled or unconfirmed and would not have otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from unittest import mock

from connector.protocol import machine, transfer
from connector.protocol.machine import PROVIDER, TERMINATED, TERMINATION, Incoming, Pending, Process, Proposal, Reception
from connector.services import decide, deliver
from connector.services import exchange as exchanges
from connector.services import transfer as transfers
from connector.services.grants import Grants
from connector.store.exchanges import STATES
from tests.simulation import memory

Change = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause and how to remove it."""

    rule: int
    says: str
    kinds: tuple[str, ...]
    change: Change
    measure: Literal["faults", "marks"] = "faults"
    seeds: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @contextmanager
    def removed(self) -> Iterator[None]:
        with self.change():
            yield


_OURS = ("negotiation-ours", "transfer-ours")
_real = {name: getattr(machine, name) for name in dir(machine) if callable(getattr(machine, name))}


def _in_machine(**names: Any) -> Change:
    return lambda: mock.patch.multiple(machine, **names)


def _at(target: Any, name: str, value: Any) -> Change:
    return lambda: mock.patch.object(target, name, value)


# Rule 1


def _at_once(process: Process, move: str, message_id: str, *, sent: bool) -> Proposal:
    made: Proposal = _real["_make"](process, move, message_id, sent=sent)
    pending = made.process.pending
    if made.verdict != "pending" or pending is None:
        return made
    return replace(made, process=replace(made.process, state=pending.target))


def _shows_nothing(process: Process, state: str) -> Process | None:
    pending = process.pending
    if pending and pending.sent and pending.target == state and state not in process.table.terminal:
        return None
    found: Process | None = _real["shown"](process, state)
    return found


def _without(field: str, value: Any) -> Change:
    """Replace a field of both tables."""
    tables = {name: replace(table, **{field: value}) for name, table in STATES.items()}
    swapped = {id(table): tables[name] for name, table in STATES.items()}

    def change() -> Any:
        return _tables(swapped)

    return change


@contextmanager
def _tables(swapped: dict[int, Any]) -> Iterator[None]:
    """Make the changed tables the ones that every process reads."""
    fields = {
        name: {entry: getattr(new, entry) for entry in ("content", "adoptable", "refresh", "later")}
        for name, new in ((table.name, swapped[id(table)]) for table in STATES.values())
    }
    before = {
        name: {entry: getattr(table, entry) for entry in ("content", "adoptable", "refresh", "later")}
        for name, table in STATES.items()
    }
    _set(fields)
    try:
        yield
    finally:
        _set(before)


def _set(fields: dict[str, dict[str, Any]]) -> None:
    for name, entries in fields.items():
        for entry, value in entries.items():
            object.__setattr__(STATES[name], entry, value)


def _close_late(self: Any, unit: Any, office: Any, exchange: Any) -> None:
    """Close a grant only when the state says so."""
    turn = exchange.turn
    settled = replace(exchange, turn=replace(turn, pending=None, wanted=None))
    if turn.role == PROVIDER and turn.pending and turn.pending.move == transfer.START:
        settled = replace(exchange, turn=replace(turn, wanted=None))
    _changed(self, unit, office, settled)


_changed = transfers.Transfers.changed


# Rule 2


def _never_proves(process: Process, _message: Incoming) -> tuple[Process, Pending | None]:
    return process, None


def _proves_by_name_only(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    if message.after is None:
        return process, None
    found: tuple[Process, Pending | None] = _real["_acknowledge_by"](process, message)
    return found


def _proves_by_order_only(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    found: tuple[Process, Pending | None] = _real["_acknowledge_by"](process, replace(message, after=None))
    return found


def _proves_unsent(process: Process, message: Incoming) -> tuple[Process, Pending | None]:
    pending = process.pending
    if pending is None or pending.sent:
        found: tuple[Process, Pending | None] = _real["_acknowledge_by"](process, message)
        return found
    sent = replace(process, pending=replace(pending, sent=True))
    now, proved = _real["_acknowledge_by"](sent, message)
    return (now, proved) if proved else (process, None)


def _not_final(self: Any, unit: Any, exchange: Any, contract: Any) -> bool:
    negotiation = unit.exchanges.load(exchange.participant, contract.id, exchange.peer)
    return negotiation is not None and negotiation.turn.state == "FINALIZED"


def _not_started(self: Any, unit: Any, grant: str, _generation: int) -> Any:
    opening = self._open(unit, grant)
    if opening is None:
        raise transfers.BadMessage("grant_closed")
    return opening


def _started_by_any(self: Any, unit: Any, grant_id: str, _generation: int) -> Any:
    grant = unit.grants.get(grant_id)
    return _started_by_reading(self, unit, grant_id, grant.generation)


_started_by_reading = Grants._started_by_reading


def _refresh_counts(process: Process, pending: Pending) -> Process:
    changed = replace(process, state=None) if (process.state, pending.move) == process.table.refresh else process
    found: Process = _real["_effective"](changed, pending)
    return found


# Rule 3


def _no_repeat_by_id(process: Process, message: Incoming) -> Reception | None:
    if message.known_digest is not None:
        return None
    found: Reception | None = _real["_repeat"](process, message)
    return found


def _no_repeat_by_content(process: Process, message: Incoming) -> Reception | None:
    if not message.identified:
        return None
    found: Reception | None = _real["_repeat"](process, message)
    return found


def _repeat_although_moved(process: Process, message: Incoming) -> Reception | None:
    found: Reception | None = _real["_repeat"](replace(process, moved=False), message)
    return replace(found, process=process) if found else None


# Rule 4


def _crossing(change: Callable[[Process, str, str], str | None]) -> Change:
    def cross(process: Process, move: str, target: str) -> str:
        if process.pending is None:
            return "keep"
        verdict: str = change(process, move, target) or _real["_cross"](process, move, target)
        return verdict

    return _in_machine(_cross=cross)


def _ordinary(process: Process) -> bool:
    pending = process.pending
    return bool(pending and pending.sent and pending.move != TERMINATION)


def _equal_refused(process: Process, move: str, target: str) -> str | None:
    pending = process.pending
    equal = pending is not None and pending.sent and pending.move != TERMINATION and target == pending.target
    return "refuse" if equal and move != TERMINATION and (process.state, move) != process.table.refresh else None


def _terminations_refused(process: Process, move: str, _target: str) -> str | None:
    return "refuse" if move == TERMINATION and _ordinary(process) and process.role == PROVIDER else None


def _terminations_give_way(process: Process, move: str, _target: str) -> str | None:
    pending = process.pending
    return "drop" if pending and pending.move == TERMINATION and pending.sent and move != TERMINATION else None


def _unsent_terminations_give_way(process: Process, move: str, _target: str) -> str | None:
    pending = process.pending
    return "drop" if pending and pending.move == TERMINATION and not pending.sent and move != TERMINATION else None


def _both_give_way(process: Process, move: str, target: str) -> str | None:
    pending = process.pending
    unequal = pending is not None and _ordinary(process) and target != pending.target and move != TERMINATION
    return "drop" if unequal and (process.state, move) != process.table.refresh else None


def _neither_gives_way(process: Process, move: str, target: str) -> str | None:
    return "refuse" if _both_give_way(process, move, target) else None


def _unsent_holds(process: Process, move: str, target: str) -> str | None:
    pending = process.pending
    if pending is None or pending.sent or move == TERMINATION or process.role != PROVIDER:
        return None
    return "refuse"


def _starts_are_kept(process: Process, _move: str, target: str) -> str | None:
    pending = process.pending
    again = pending is not None and process.role == PROVIDER and pending.sent and target == pending.target
    return "keep" if again and pending and (pending.target, pending.move) == process.table.refresh else None


def _any_replaces(process: Process, move: str, message_id: str, *, sent: bool = False) -> Proposal:
    pending = process.pending
    if pending and pending.move != TERMINATION and process.table.target(process.state, move, process.role):
        free = replace(process, pending=None)
        return replace(_real["_make"](free, move, message_id, sent=sent), dropped=pending)
    found: Proposal = _real["propose"](process, move, message_id, sent=sent)
    return found


def _first_is_replaced(process: Process, pending: Pending, message_id: str, *, sent: bool) -> Proposal:
    if process.state is None and pending.sent:
        ended = replace(process, pending=None, wanted=None, state=TERMINATED)
        return Proposal(ended, "done", dropped=pending)
    found: Proposal = _real["_replace"](process, pending, message_id, sent=sent)
    return found


def _last_is_replaced(process: Process, pending: Pending, message_id: str, *, sent: bool) -> Proposal:
    if process.state is not None and pending.sent and pending.target in process.table.terminal:
        free = replace(process, pending=None, wanted=None)
        return replace(_real["_make"](free, TERMINATION, message_id, sent=sent), dropped=pending)
    found: Proposal = _real["_replace"](process, pending, message_id, sent=sent)
    return found


def _no_second_start(situation: decide.Situation) -> decide.Decision:
    if situation.move == transfer.START:
        return decide.NOTHING
    return _start(situation)


_start = decide._start
_RULES_WITHOUT_START = {**decide._RULES, ("transfer", PROVIDER, transfer.STARTED): _no_second_start}


def _adopt_nothing(process: Process, state: str) -> Process | None:
    pending = process.pending
    if pending and pending.sent and pending.target == state:
        found: Process | None = _real["shown"](process, state)
        return found
    return None


def _adopt_anything(process: Process, state: str) -> Process | None:
    found: Process | None = _real["shown"](process, state)
    if found is None and not process.ended and process.table.path(process.state, state, process.peer):
        return replace(process, state=state, pending=None, wanted=None, moved=True, adopted=True, stalled=None)
    return found


def _adopted_is_deaf(process: Process, message: Incoming) -> Reception:
    found: Reception = _real["receive"](replace(process, adopted=False), message)
    return found if found.effect != "refused" else replace(found, process=process)


def _first_refusal_stalls(process: Process, message_id: str, reason: str) -> Process | None:
    pending = process.pending
    if process.state is None and pending is not None and pending.id == message_id:
        return replace(process, state=pending.target, pending=None, wanted=None, stalled=reason)
    found: Process | None = _real["refused"](process, message_id, reason)
    return found


def _never_stale(_process: Process, _message: Incoming) -> None:
    return None


def _never_compared(process: Process, _state: str | None, *, refused: bool) -> Process:
    del refused
    return process


_ANY_PLAIN = ("negotiation-plain-provider", "negotiation-plain-consumer", "transfer-plain-provider", "transfer-plain-consumer")
_ANY_EDC = ("negotiation-edc-provider", "negotiation-edc-consumer", "transfer-edc-provider", "transfer-edc-consumer")
_NO_LATER: dict[str, str] = {}

CLAUSES: dict[str, Clause] = {
    "takes_effect_on_2xx": Clause(1, "our move takes effect when the peer acknowledges it", _OURS, _in_machine(_make=_at_once)),
    "get_shows_the_target": Clause(
        1, "or a GET that shows its target", ("transfer-plain-provider",), _in_machine(shown=_shows_nothing), "marks"
    ),
    "get_shows_no_content": Clause(
        1, "never for an offer or counter-request", (*_OURS, *_ANY_PLAIN), _without("content", frozenset())
    ),
    "access_closes_at_the_decision": Clause(
        1, "access closes in the transaction of the decision", ("transfer-ours",), _at(transfers.Transfers, "changed", _close_late)
    ),
    "suspension_behind_a_start": Clause(
        1, "a suspension decided while our start is unanswered is sent after that answer", ("transfer-ours",),
        _without("later", _NO_LATER),
    ),
    "named_move_is_acknowledged": Clause(
        2, "naming our pending move acknowledges it", _OURS, _in_machine(_acknowledge_by=_never_proves)
    ),
    "order_acknowledges_without_names": Clause(
        2, "what the peer could only send after our pending move acknowledges it",
        ("transfer-plain-provider",),
        _in_machine(_acknowledge_by=_proves_by_name_only), "marks",
    ),
    "names_decide_where_there_are_any": Clause(
        2, "where the peer's messages name ours, that decides instead", _OURS,
        _in_machine(_acknowledge_by=_proves_by_order_only, _stale=_never_stale),
    ),
    "only_what_was_sent": Clause(
        2, "provided it was sent at least once", _ANY_PLAIN, _in_machine(_acknowledge_by=_proves_unsent)
    ),
    "stale_is_refused": Clause(2, "naming something older makes the message stale", _OURS, _in_machine(_stale=_never_stale)),
    "request_acknowledges_finalized": Clause(
        2, "a TransferRequest acknowledges FINALIZED", ("transfer-ours",), _at(transfers.Transfers, "_final", _not_final)
    ),
    "data_request_acknowledges_start": Clause(
        2, "a data request acknowledges the start", ("transfer-ours",), _at(Grants, "_started_by_reading", _not_started)
    ),
    "token_of_that_start": Clause(
        2, "that carried its token", ("transfer-ours",), _at(Grants, "_started_by_reading", _started_by_any)
    ),
    "address_is_no_turn": Clause(
        2, "a start made again for its address is no move to be behind of", ("transfer-ours",),
        _in_machine(_effective=_refresh_counts),
    ),
    "same_id_is_a_repeat": Clause(3, "same @id and digest is a repeat", _OURS, _in_machine(_repeat=_no_repeat_by_id)),
    "last_message_is_a_repeat": Clause(
        3, "without @id: equal to the last one applied", ("negotiation-plain-provider", "transfer-plain-provider"), _in_machine(_repeat=_no_repeat_by_content), "marks"
    ),
    "no_move_since": Clause(
        3, "with no move of ours in effect since", _ANY_PLAIN, _in_machine(_repeat=_repeat_although_moved)
    ),
    "first_messages_by_pid": Clause(
        3, "first messages repeat by pid", _OURS, _at(memory.Exchanges, "of_peer", lambda *_: None)
    ),
    "equal_targets": Clause(4, "equal targets, both answer 200", ("transfer-ours",), _crossing(_equal_refused)),
    "a_crossing_start_is_made_anew": Clause(
        4, "the provider's own start follows the consumer's", ("transfer-ours",), _crossing(_starts_are_kept)
    ),
    "termination_wins_as_it_comes": Clause(4, "termination wins", _OURS, _crossing(_terminations_refused)),
    "termination_wins_as_it_waits": Clause(4, "termination wins", _OURS, _crossing(_terminations_give_way)),
    "providers_move_wins_at_the_provider": Clause(4, "else the provider's move wins", ("transfer-ours",), _crossing(_both_give_way)),
    "providers_move_wins_at_the_consumer": Clause(4, "and the other is refused", ("transfer-ours",), _crossing(_neither_gives_way)),
    "unsent_gives_way": Clause(4, "a row never sent gives way to any legal message", _OURS, _crossing(_unsent_holds)),
    "unsent_termination_stays": Clause(4, "except a termination", _OURS, _crossing(_unsent_terminations_give_way)),
    "only_a_termination_replaces": Clause(4, "only a termination replaces a sent move", _OURS, _in_machine(propose=_any_replaces)),
    "behind_the_first_message": Clause(
        4, "a termination waits for the first message's answer", _OURS, _in_machine(_replace=_first_is_replaced)
    ),
    "behind_the_last_message": Clause(
        4, "a termination waits for the answer to a move that ends the process", _OURS, _in_machine(_replace=_last_is_replaced)
    ),
    "start_with_the_address": Clause(
        4, "a consumer's start is followed by one of the provider's", ("transfer-ours",),
        _at(decide, "_RULES", _RULES_WITHOUT_START),
    ),
    "adopt_terminal": Clause(4, "after a 4xx we adopt a terminal state", ("negotiation-edc-provider", "transfer-edc-provider"), _in_machine(shown=_adopt_nothing), "marks"),
    "adopt_accepted_and_verified": Clause(
        4, "or ACCEPTED or VERIFIED at the provider", ("negotiation-plain-consumer",),
        _without("adoptable", frozenset()), "marks",
    ),
    "adopt_nothing_else": Clause(4, "and nothing else", _ANY_PLAIN, _in_machine(shown=_adopt_anything)),
    "content_of_an_adopted_state": Clause(
        4, "the message that leads to an adopted state is answered 200", (*_ANY_PLAIN, *_ANY_EDC),
        _in_machine(receive=_adopted_is_deaf),
    ),
    "first_message_refused": Clause(
        4, "a first message refused for good makes the process TERMINATED", _OURS, _in_machine(refused=_first_refusal_stalls)
    ),
    "asked_after_a_day": Clause(
        4, "who differs after a day is marked", (*_ANY_PLAIN, *_ANY_EDC), _in_machine(compared=_never_compared)
    ),
    "patience_with_an_early_answer": Clause(
        4, "for 60 s a 404 or 409 is tried again", ("negotiation-edc-provider", "transfer-edc-provider"), _at(deliver, "_EARLY", frozenset()), "marks"
    ),
}  # fmt: skip

__all__ = ["CLAUSES", "Clause", "exchanges"]
