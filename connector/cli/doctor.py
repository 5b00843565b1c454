"""`connector doctor`: is the installation in order, and what to do where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.cli.commands import DONE, REFUSED, Verb

if TYPE_CHECKING:
    from connector.cli.session import Session


def run(session: Session) -> int:
    """Show every check; exit code 1 when one fails."""
    found = session.api.get(session.path("doctor"))
    if session.output.as_json:
        session.output.value(found)
    for check in found["items"]:
        session.output.checked(check)
    return DONE if all(check["ok"] for check in found["items"]) else REFUSED


VERBS = (Verb("", run),)
