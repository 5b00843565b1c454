"""Processes and messages for the tests of turn-taking, as short as they are spoken of."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from connector.protocol import machine
from connector.protocol.machine import Incoming, Pending, Process
from connector.protocol.negotiation import NEGOTIATION
from connector.protocol.transfer import TRANSFER

if TYPE_CHECKING:
    from connector.protocol.machine import Role, Table

TABLES: Final = (NEGOTIATION, TRANSFER)
_numbers = count()


def at(role: Role, state: str | None, pending: str | None = None, *, sent: bool = True, **fields: Any) -> Process:
    """Return a process; a pending move of ours is number 3, after two that were acknowledged."""
    table = NEGOTIATION if state in NEGOTIATION.moves or state == "FINALIZED" else TRANSFER
    if fields.pop("transfer", False):
        table = TRANSFER
    process = Process(table, role, state, seq=2, acked=2, **fields)
    if pending is None:
        return process
    made = machine.propose(process, pending, "urn:ours", sent=sent)
    assert made.verdict == "pending", made
    return made.process


def says(move: str, **fields: Any) -> Incoming:
    """Return a message of the peer; unless told otherwise it is a new one that names nothing."""
    return Incoming(move, **({"digest": f"sha256:{next(_numbers)}"} | fields))


def sent_of(process: Process) -> Pending:
    """Return our pending move. Fails where there is none."""
    assert process.pending is not None
    return process.pending


def states(table: Table) -> list[str | None]:
    """Return every state of a table, the ends and "no process yet" included."""
    return [*table.moves, *sorted(table.terminal)]


def moves(table: Table) -> list[str]:
    """Return every move of a table."""
    return sorted({move for arrows in table.moves.values() for move, _ in arrows})


def answered(process: Process, message_id: str, *, taken: bool) -> Process:
    """Return the process after the peer's answer to a message of ours; a late one changes nothing."""
    if taken:
        return machine.acknowledged(process, message_id) or process
    return machine.refused(process, message_id, "peer_refused") or process
