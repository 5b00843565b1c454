"""`connector participants`: the organisations that this installation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli.commands import DONE, PAGING, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("name", lambda row: row["name"]),
    ("root", lambda row: row["root"]),
)


def add(session: Session) -> int:
    """Make a further participant under the same roof."""
    body = {"id": session.typed("did"), "name": session.typed("name")}
    session.output.done(session.api.post(session.at("participants"), body))
    return DONE


def listing(session: Session) -> int:
    """List them, the first made first."""
    session.list_at(COLUMNS, lambda **query: session.at("participants", **query))
    return DONE


VERBS = (
    Verb("add", add, (place("DID", "did", text="participant"), option("--name", "NAME", required=True))),
    Verb("list", listing, PAGING),
)
