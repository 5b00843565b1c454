"""`connector transfers`: the right to read data under a contract, from its start to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli import waiting
from connector.cli.commands import DONE, PAGING, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

STARTED: Final = "STARTED"
COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("state", lambda row: row["state"]),
    ("role", lambda row: row["role"]),
    ("peer", lambda row: row["peer"]),
    ("dataset", lambda row: row["dataset"]),
    ("contract", lambda row: row["contract"]),
    ("waits_for", lambda row: waiting.of(row).get("waits_for")),
)


def start(session: Session) -> int:
    """Ask the provider of a contract for its data."""
    begun = session.api.post(session.path("transfers"), {"contract": session.typed("contract")})
    return waiting.finish(session, begun, session.path("transfers", begun["id"]), {STARTED})


def listing(session: Session) -> int:
    """List them, newest first."""
    session.list(COLUMNS, "transfers")
    return DONE


def show(session: Session) -> int:
    """Show one: its state and what it waits for."""
    waiting.show(session, session.api.get(_path(session)))
    return DONE


def suspend(session: Session) -> int:
    """Pause one; as provider, access closes at once."""
    return _change(session, "suspend")


def resume(session: Session) -> int:
    """Let a suspended one go on."""
    return _change(session, "resume")


def complete(session: Session) -> int:
    """End one that has done its work."""
    return _change(session, "complete")


def terminate(session: Session) -> int:
    """End one at once."""
    reason = session.typed("reason")
    return _change(session, "terminate", **({} if reason is None else {"reason": reason}))


def _change(session: Session, verb: str, **body: str) -> int:
    waiting.show(session, session.api.post(_path(session, verb), body), whole=False)
    return DONE


def _path(session: Session, *verb: str) -> str:
    return session.path("transfers", session.typed("transfer"), *verb)


_ID: Final = place("ID", "transfer")
VERBS = (
    Verb("start", start, (place("CONTRACT", "contract"), *waiting.WAIT)),
    Verb("list", listing, PAGING),
    Verb("show", show, (_ID,)),
    Verb("suspend", suspend, (_ID,)),
    Verb("resume", resume, (_ID,)),
    Verb("complete", complete, (_ID,)),
    Verb("terminate", terminate, (_ID, option("--reason", "TEXT"))),
)
