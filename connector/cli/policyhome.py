"""`connector policies list` and `who`: what the running connector knows of policies."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from connector import texts
from connector.cli import answers
from connector.cli.commands import DONE

if TYPE_CHECKING:
    from connector.cli.output import Column, Record
    from connector.cli.session import Session


def listing(session: Session) -> int:
    """List the policy files in the home: which are published, and which cannot be taken and why."""
    language = session.output.language
    columns: tuple[Column, ...] = (
        ("id", lambda row: row["id"]),
        ("state", lambda row: texts.say(f"cli_file_{row['state']}", language)),
        ("offers", lambda row: len(row["offers"])),
        ("fault", _fault),
    )
    session.list(columns, "policy-files")
    return DONE


def who(session: Session) -> int:
    """Tell for every known peer whether it could get a dataset: yes, no and why, or only if."""
    output, purpose = session.output, session.typed("purpose")
    asked = {} if purpose is None else {"purpose": purpose}
    path = partial(session.path, "datasets", session.typed("dataset"), "who", limit=1000, **asked)
    page = found = session.api.get(path())
    while page.get("next"):
        page = session.api.get(path(cursor=page["next"]))
        found = {**page, "items": found["items"] + page["items"]}
    if output.as_json:
        output.value(found)
    elif not found["items"]:
        output.say("cli_nothing")
    else:
        output.text("\n".join(line for row in found["items"] for line in answers.candidate(row, output.language)))
    return DONE


def _fault(row: Record) -> str | None:
    if row["code"] is None:
        return None
    where = f"{row['line']}:{row['column']}: " if row["line"] else ""
    return f"{where}{row['text']} {row['next']}".rstrip()
