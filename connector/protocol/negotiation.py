"""The contract negotiation's table (Dataspace Protocol 2025-1, "Contract Negotiation Protocol", state machine)."""

from __future__ import annotations

from typing import Final

from connector.protocol.machine import CONSUMER, PROVIDER, TERMINATED, TERMINATION, Role, Table

REQUEST: Final = "request"
OFFER: Final = "offer"
ACCEPTED_EVENT: Final = "accepted"
AGREEMENT: Final = "agreement"
VERIFICATION: Final = "verification"
FINALIZED_EVENT: Final = "finalized"

REQUESTED: Final = "REQUESTED"
OFFERED: Final = "OFFERED"
ACCEPTED: Final = "ACCEPTED"
AGREED: Final = "AGREED"
VERIFIED: Final = "VERIFIED"
FINALIZED: Final = "FINALIZED"

# The text lets either side terminate "at any state"; the figure draws fewer arrows. We read and send by the text.
_EITHER: Final[dict[tuple[str, Role], str]] = {(TERMINATION, CONSUMER): TERMINATED, (TERMINATION, PROVIDER): TERMINATED}

NEGOTIATION: Final = Table(
    name="negotiation",
    moves={
        None: {(REQUEST, CONSUMER): REQUESTED, (OFFER, PROVIDER): OFFERED},
        REQUESTED: {(OFFER, PROVIDER): OFFERED, (AGREEMENT, PROVIDER): AGREED} | _EITHER,
        OFFERED: {(REQUEST, CONSUMER): REQUESTED, (ACCEPTED_EVENT, CONSUMER): ACCEPTED} | _EITHER,
        ACCEPTED: {(AGREEMENT, PROVIDER): AGREED} | _EITHER,
        AGREED: {(VERIFICATION, CONSUMER): VERIFIED} | _EITHER,
        VERIFIED: {(FINALIZED_EVENT, PROVIDER): FINALIZED} | _EITHER,
    },
    terminal=frozenset({FINALIZED, TERMINATED}),
    content=frozenset({REQUEST, OFFER}),
    adoptable=frozenset({ACCEPTED, VERIFIED}),
    refresh=None,
    later={},
)
