"""Tables as text: their arrows, and walks in which each word is `sender:move`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATION

if TYPE_CHECKING:
    from connector.protocol.machine import Role, Table

ROLES: Final[dict[str, Role]] = {"consumer": CONSUMER, "provider": PROVIDER}


def arrows(table: Table) -> set[str]:
    """Return every arrow but the terminations, as `state sender:move target` (`-`: no process yet)."""
    return {
        f"{state or '-'} {sender}:{move} {target}"
        for state, moves in table.moves.items()
        for (move, sender), target in moves.items()
        if move != TERMINATION
    }


def walk(table: Table, state: str | None, said: str) -> list[str]:
    """Return the states that messages lead to, one after the other; `-` and an end where one is illegal."""
    states: list[str] = []
    for word in said.split():
        sender, move = word.split(":")
        state = table.target(state, move, ROLES[sender])
        states.append(state or "-")
        if state is None:
            break
    return states
