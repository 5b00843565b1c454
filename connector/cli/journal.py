"""`connector journal`: everything that was done, in one chain per participant that shows every later change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli.commands import DONE, PAGING, REFUSED, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("number", lambda row: row["number"]),
    ("at", lambda row: row["at"]),
    ("kind", lambda row: row["kind"]),
    ("subject", lambda row: row["subject"]),
    ("by", lambda row: row["by"]),
)
FILTERS: Final = ("subject", "contract", "peer", "dataset", "since", "until")


def listing(session: Session) -> int:
    """List records in order: all, or those that the filters leave."""
    wanted = {name: session.typed(name) for name in FILTERS}
    session.list_at(COLUMNS, lambda **query: session.path("journal", **wanted, **query))
    return DONE


def show(session: Session) -> int:
    """Show a record with its content."""
    session.output.shown(session.api.get(session.path("journal", str(session.typed("number")))))
    return DONE


def verify(session: Session) -> int:
    """Check every link of the chain; exit code 1 when something does not hold."""
    verdict = session.api.get(session.path("journal", "verify"))
    session.output.shown(verdict)
    whole = not verdict["faults"]
    session.output.say("cli_journal_whole" if whole else "cli_journal_broken", count=len(verdict["faults"]))
    return DONE if whole else REFUSED


_FILTERS = (
    option("--subject", "ID"),
    option("--contract", "ID", text="journal_contract"),
    option("--peer", "DID", text="journal_peer"),
    option("--dataset", "ID", text="journal_dataset"),
    option("--since", "TIME"),
    option("--until", "TIME"),
)
VERBS = (
    Verb("list", listing, (*_FILTERS, *PAGING)),
    Verb("show", show, (place("N", "number", text="number"),)),
    Verb("verify", verify),
)
