"""What the connector under test answers, by dataset or agreement: the behaviour each test of the kit presumes.

The kit plays one party and presumes how the other one behaves; a dataset's or agreement's id says which behaviour is meant.
Pure data and one pure function, so that the table can be read beside the kit's tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from connector.protocol import transfer
from connector.protocol.machine import TERMINATION
from connector.protocol.negotiation import ACCEPTED_EVENT, AGREEMENT, FINALIZED_EVENT, OFFER, REQUEST, VERIFICATION

START: Final = transfer.START
SUSPENSION: Final = transfer.SUSPENSION
COMPLETION: Final = transfer.COMPLETION

Cause = Literal["applied", "effect"]

PAUSE_SECONDS: Final = 0.4
"""Before each move: the kit listens for it, and lets its own state follow, only up to 0.2 s after the message before."""


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: when a message of the kit was applied, or a move of ours took effect, make this move."""

    cause: Cause
    move: str
    answer: str


def received(move: str, answer: str) -> Step:
    """Answer a message of the kit."""
    return Step("applied", move, answer)


def sent(move: str, answer: str) -> Step:
    """Follow up a move of ours."""
    return Step("effect", move, answer)


Script = tuple[Step, ...]

_OFFER: Final[Script] = (received(REQUEST, OFFER),)
_AGREE: Final[Script] = (received(REQUEST, AGREEMENT),)
_ACCEPT: Final[Script] = (received(OFFER, ACCEPTED_EVENT),)
_VERIFY: Final[Script] = (received(AGREEMENT, VERIFICATION),)
_FINALIZE: Final[Script] = (received(VERIFICATION, FINALIZED_EVENT),)
_START: Final[Script] = (received(REQUEST, START),)
_SILENT: Final[Script] = ()

PROVIDER_NEGOTIATIONS: Final[dict[str, Script]] = {
    "ACN0101": _OFFER,
    "ACN0102": (*_OFFER, received(REQUEST, TERMINATION)),
    "ACN0103": (*_OFFER, received(ACCEPTED_EVENT, AGREEMENT), *_FINALIZE),
    "ACN0104": (*_AGREE, *_FINALIZE),
    "ACN0201": (received(REQUEST, TERMINATION),),
    "ACN0202": _SILENT,
    "ACN0203": _AGREE,
    "ACN0204": _OFFER,
    "ACN0205": (*_OFFER, sent(OFFER, TERMINATION)),
    "ACN0206": (*_OFFER, received(ACCEPTED_EVENT, TERMINATION)),
    "ACN0207": (*_AGREE, received(VERIFICATION, TERMINATION)),
    "ACN0301": (*_AGREE, *_FINALIZE),
    "ACN0302": _OFFER,
    "ACN0303": _OFFER,
    "ACN0304": _OFFER,
}

CONSUMER_NEGOTIATIONS: Final[dict[str, Script]] = {
    "ACNC0101": (*_ACCEPT, *_VERIFY),
    "ACNC0102": (received(OFFER, REQUEST),),
    "ACNC0103": (received(OFFER, TERMINATION),),
    "ACNC0104": _VERIFY,
    "ACNC0201": _SILENT,
    "ACNC0202": (sent(REQUEST, TERMINATION),),
    "ACNC0203": (received(AGREEMENT, TERMINATION),),
    "ACNC0204": _SILENT,
    "ACNC0205": _ACCEPT,
    "ACNC0206": _VERIFY,
    "ACNC0301": _SILENT,
    "ACNC0302": _SILENT,
    "ACNC0303": _SILENT,
    "ACNC0304": _ACCEPT,
    "ACNC0305": _ACCEPT,
    "ACNC0306": _ACCEPT,
}

PROVIDER_TRANSFERS: Final[dict[str, Script]] = {
    "ATP0101": (*_START, sent(START, TERMINATION)),
    "ATP0102": (*_START, sent(START, COMPLETION)),
    "ATP0103": (*_START, sent(START, SUSPENSION), sent(SUSPENSION, TERMINATION)),
    "ATP0104": (*_START, sent(START, SUSPENSION), sent(SUSPENSION, START), sent(START, COMPLETION)),
    "ATP0105": (received(REQUEST, TERMINATION),),
    "ATP0201": _START,
    "ATP0202": _START,
    "ATP0203": _START,
    "ATP0204": _START,
    "ATP0205": _SILENT,
    "ATP0301": _SILENT,
    "ATP0302": _SILENT,
    "ATP0303": _START,
    "ATP0304": _START,
    "ATP0305": _START,
    "ATP0306": _START,
}

CONSUMER_TRANSFERS: Final[dict[str, Script]] = {
    "ATPC0101": _SILENT,
    "ATPC0102": _SILENT,
    "ATPC0103": _SILENT,
    "ATPC0104": _SILENT,
    "ATPC0105": _SILENT,
    "ATPC0201": (received(START, TERMINATION),),
    "ATPC0202": (received(START, COMPLETION),),
    "ATPC0203": (received(START, SUSPENSION), sent(SUSPENSION, TERMINATION)),
    "ATPC0204": (received(START, SUSPENSION), sent(SUSPENSION, START), sent(START, COMPLETION)),
    "ATPC0205": (sent(REQUEST, TERMINATION),),
    "ATPC0301": _SILENT,
    "ATPC0302": _SILENT,
    "ATPC0303": _SILENT,
    "ATPC0304": _SILENT,
    "ATPC0305": _SILENT,
    "ATPC0306": _SILENT,
}

SCRIPTS: Final = PROVIDER_NEGOTIATIONS | CONSUMER_NEGOTIATIONS | PROVIDER_TRANSFERS | CONSUMER_TRANSFERS

CATALOG_DATASETS: Final = ("CAT0101", "CAT0102")
ABSENT_DATASET: Final = "CAT0103"


def answer(seed: str, made: int, cause: Cause, move: str) -> str | None:
    """Return the move the script of a dataset or agreement makes next, or None.

    Args:
        seed: the id of the negotiated dataset, or of the agreement that a transfer is under.
        made: how many of the script's moves were made before; a request that the operator sent is not one of them.
        cause: whether a message of the kit was applied or a move of ours took effect.
        move: that message or move.

    Raises:
        KeyError: no script has that id.
    """
    script = SCRIPTS[seed]
    if made >= len(script):
        return None
    step = script[made]
    return step.answer if (step.cause, step.move) == (cause, move) else None
