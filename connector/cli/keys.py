"""`connector keys`: the keys that sign a participant's requests and seal its contracts, and their replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli.commands import DONE, Verb, option

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

DAY_SECONDS: Final = 86_400
MOST_SECONDS: Final = 90 * DAY_SECONDS
COLUMNS: Final[tuple[Column, ...]] = (
    ("purpose", lambda row: row["purpose"]),
    ("state", lambda row: row["state"]),
    ("id", lambda row: row["id"]),
    ("used", lambda row: row["used"]),
    ("until", lambda row: row["until"]),
)


def listing(session: Session) -> int:
    """List them, the oldest first."""
    session.output.listed(session.api.get(session.path("keys")), COLUMNS)
    return DONE


def rotate(session: Session) -> int:
    """Replace one; the new key is announced at once and used after the overlap."""
    body = {"purpose": session.typed("purpose"), "overlapSeconds": session.typed("overlap", DAY_SECONDS)}
    session.output.done(session.api.post(session.path("keys"), body))
    return DONE


def overlap(text: str) -> int:
    """Read a number of seconds, at most 90 days."""
    number = int(text)
    if not 0 <= number <= MOST_SECONDS:
        raise ValueError(text)
    return number


VERBS = (
    Verb("list", listing),
    Verb(
        "rotate",
        rotate,
        (
            option("--purpose", choices=("seal", "token"), text="key_purpose", required=True),
            option("--overlap", "SECONDS", type=overlap),
        ),
    ),
)
