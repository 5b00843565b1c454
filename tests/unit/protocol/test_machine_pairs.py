"""Every message in every state (threat table A.2, row 22), every crossing, and what holds whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.protocol import machine
from connector.protocol.machine import CONSUMER, PROVIDER, Incoming, Process, Role, Table
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER
from tests.unit.protocol.turns import TABLES, answered, moves, says, sent_of, states

ROLES: Final[tuple[Role, ...]] = get_args(Role)
PAIRS: Final = [
    (table, role, state, move) for table in TABLES for role in ROLES for state in states(table) for move in moves(table)
]


def _named(value: Any) -> str:
    return value.name if isinstance(value, Table) else str(value)


def test_a2_22_every_state_and_message_of_both_protocols_is_looked_at() -> None:
    assert len(PAIRS) == 2 * (8 * 7) + 2 * (6 * 5)


@pytest.mark.parametrize(("table", "role", "state", "move"), PAIRS, ids=_named)
def test_a2_22_a_message_does_what_the_table_says_or_is_refused_and_changes_nothing(
    table: Table, role: Role, state: str | None, move: str
) -> None:
    process, message = Process(table, role, state), says(move)
    heard = machine.receive(process, message)
    target = table.target(state, move, process.peer)
    if target is None:
        assert (heard.effect, heard.process) == ("refused", process)
        assert heard.reason == ("process_ended" if state in table.terminal else "move_illegal")
    else:
        assert (heard.effect, heard.process.state, heard.reason) == ("applied", target, None)
        again = machine.receive(heard.process, replace(message, known_digest=message.digest))
        assert (again.effect, again.process) == ("repeated", heard.process)


@pytest.mark.parametrize(("table", "role", "state", "move"), PAIRS, ids=_named)
def test_a2_22_the_table_that_binds_the_peer_binds_us(table: Table, role: Role, state: str | None, move: str) -> None:
    process = Process(table, role, state)
    made = machine.propose(process, move, "urn:1")
    target = table.target(state, move, role)
    if target is None:
        assert (made.verdict, made.process) == ("refused", process)
        assert made.reason == ("process_ended" if state in table.terminal else "move_illegal")
    else:
        assert (made.verdict, made.process.state, sent_of(made.process).target) == ("pending", state, target)


def _crossings() -> list[tuple[Table, str, str, str]]:
    return [
        (table, state, ours, theirs)
        for table in TABLES
        for state in filter(None, table.moves)
        for ours, one in table.moves[state]
        for theirs, other in table.moves[state]
        if (one, other) == (CONSUMER, PROVIDER)
    ]


@pytest.mark.parametrize(("table", "state", "ours", "theirs"), _crossings(), ids=_named)
def test_rule_4_whatever_moves_cross_both_sides_come_to_the_same_state(
    table: Table, state: str, ours: str, theirs: str
) -> None:
    consumer = machine.propose(Process(table, CONSUMER, state), ours, "urn:ours", sent=True).process
    provider = machine.propose(Process(table, PROVIDER, state), theirs, "urn:theirs", sent=True).process
    at_consumer, at_provider = machine.receive(consumer, says(theirs)), machine.receive(provider, says(ours))
    assert "applied" in (at_consumer.effect, at_provider.effect)
    consumer = answered(at_consumer.process, "urn:ours", taken=at_provider.effect == "applied")
    provider = answered(at_provider.process, "urn:theirs", taken=at_consumer.effect == "applied")
    assert consumer.state == provider.state
    assert (consumer.pending, provider.pending) == (None, None)
    assert (consumer.stalled, provider.stalled) == (None, None)
    if "termination" in (ours, theirs):
        assert consumer.state == "TERMINATED"


# What may happen to a process: a message comes, a move is decided, an answer or a GET comes in, or no answer ever.
words = st.sampled_from(sorted({*moves(NEGOTIATION), *moves(TRANSFER)}))
shown = st.sampled_from(sorted({state for table in TABLES for state in states(table) if state}))
incoming = st.builds(
    Incoming,
    words,
    st.sampled_from(["a", "b", "c"]),
    st.none() | st.sampled_from(["a", "b"]),
    st.none() | st.integers(-1, 4),
    st.booleans(),
)
events = st.one_of(
    incoming,
    st.tuples(st.just("propose"), words, st.booleans()),
    st.tuples(st.sampled_from(["acknowledged", "refused", "exhausted"])),
    st.tuples(st.just("shown"), shown),
    st.tuples(st.just("compared"), st.none() | shown, st.booleans()),
)


def _after(process: Process, event: Any) -> Process:
    name = f"urn:{process.seq}"
    match event:
        case Incoming():
            return machine.receive(process, event).process
        case ("propose", move, sent):
            return machine.propose(process, move, f"urn:{process.seq + 1}", sent=sent).process
        case ("acknowledged",):
            return machine.acknowledged(process, name) or process
        case ("refused",):
            return machine.refused(process, name, "no") or process
        case ("exhausted",):
            return machine.exhausted(process, name, "no") or process
        case ("shown", state):
            return machine.shown(process, state) or process
        case ("compared", state, refused):
            return machine.compared(process, state, refused=refused)
    raise AssertionError(event)


@given(st.sampled_from(TABLES), st.sampled_from(ROLES), st.lists(events, max_size=25))
def test_whatever_happens_an_end_is_final_and_nothing_is_left_to_send_after_it(
    table: Table, role: Role, happened: list[Any]
) -> None:
    process = Process(table, role)
    for event in happened:
        before, process = process, _after(process, event)
        assert process.state is None or process.state in states(table)
        assert process.acked <= process.seq
        assert process.confirmed or process.ended
        if before.ended:
            assert process.state == before.state
        if process.ended:
            assert (process.pending, process.wanted) == (None, None)
            assert process.stalled is None
        if process.pending:
            assert table.target(process.state, process.pending.move, role) == process.pending.target
