"""The transfer process's table (Dataspace Protocol 2025-1, "Transfer Process Protocol", state machine)."""

from __future__ import annotations

from typing import Final

from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATED, TERMINATION, Role, Table

REQUEST: Final = "request"
START: Final = "start"
SUSPENSION: Final = "suspension"
COMPLETION: Final = "completion"

REQUESTED: Final = "REQUESTED"
STARTED: Final = "STARTED"
SUSPENDED: Final = "SUSPENDED"
COMPLETED: Final = "COMPLETED"

_EITHER: Final[dict[tuple[str, Role], str]] = {(TERMINATION, CONSUMER): TERMINATED, (TERMINATION, PROVIDER): TERMINATED}

TRANSFER: Final = Table(
    name="transfer",
    moves={
        None: {(REQUEST, CONSUMER): REQUESTED},
        REQUESTED: {(START, PROVIDER): STARTED} | _EITHER,
        STARTED: {
            (COMPLETION, CONSUMER): COMPLETED,
            (COMPLETION, PROVIDER): COMPLETED,
            (SUSPENSION, CONSUMER): SUSPENDED,
            (SUSPENSION, PROVIDER): SUSPENDED,
            # After a consumer's resumption the provider starts once more, with the address (seen at Eclipse EDC too).
            (START, PROVIDER): STARTED,
        }
        | _EITHER,
        SUSPENDED: {(START, CONSUMER): STARTED, (START, PROVIDER): STARTED} | _EITHER,
    },
    terminal=frozenset({COMPLETED, TERMINATED}),
    content=frozenset({REQUEST}),
    adoptable=frozenset(),
    refresh=(STARTED, START),
    later={SUSPENSION: START},
)
