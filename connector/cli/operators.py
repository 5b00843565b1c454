"""`connector operators`: the people and programs that may use this installation, each with a token and a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli.commands import DONE, PAGING, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("scope", lambda row: row["scope"]),
    ("created", lambda row: row["created"]),
    ("created_by", lambda row: row["created_by"]),
)


def add(session: Session) -> int:
    """Make an operator; its token is shown this once."""
    body = {"name": session.typed("name"), "scope": session.typed("scope")}
    session.output.done(session.api.post(session.at("operators"), body))
    session.output.say("cli_token_once")
    return DONE


def listing(session: Session) -> int:
    """List them by name."""
    session.list_at(COLUMNS, lambda **query: session.at("operators", **query))
    return DONE


def remove(session: Session) -> int:
    """Remove one; its token opens nothing from then on."""
    return session.removed(session.at("operators", session.typed("name")))


_NAME: Final = place("NAME", "name", text="operator")
_SCOPE: Final = option("--scope", choices=("read", "write", "approve"), required=True)
VERBS = (Verb("add", add, (_NAME, _SCOPE)), Verb("list", listing, PAGING), Verb("remove", remove, (_NAME,)))
