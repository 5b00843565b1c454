"""`connector duties`: what agreements oblige us and our peers to do, and what has been done."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connector import texts
from connector.cli.commands import DONE, PAGING, MisusedError, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

SENT_BYTES: Final = 512 * 1024
"""Up to this size a file is sent along, and the connector keeps it."""


def listing(session: Session) -> int:
    """List the duties of all contracts, or of one."""
    contract = session.typed("of_contract")
    session.list_at(
        columns(session.output.language), lambda **query: session.path("duties", contract=contract, **query)
    )
    return DONE


def columns(language: str) -> tuple[Column, ...]:
    """Return the columns of the list, with "we" for what is ours to do."""
    we, overdue = (texts.say(code, language) for code in ("cli_duty_ours", "cli_duty_overdue"))
    return (
        ("id", lambda row: row["id"]),
        ("state", lambda row: overdue if row["overdue"] else row["state"]),
        ("due", lambda row: row["due"]),
        ("obliged", lambda row: we if row["ours"] else row["peer"]),
        ("duty", lambda row: row["text"]),
    )


def show(session: Session) -> int:
    """Show one with the evidence of its fulfilment."""
    session.output.shown(session.api.get(session.path("duties", session.typed("duty"))))
    return DONE


def fulfil(session: Session) -> int:
    """Record that one was done, with a file that shows it."""
    body = {"evidence": _evidence(Path(session.typed("evidence"))), "note": session.typed("note", "")}
    session.output.shown(session.api.post(session.path("duties", session.typed("duty"), "fulfil"), body))
    return DONE


def _evidence(file: Path) -> dict[str, Any]:
    """Return a small file itself, and of a larger one its digest and size."""
    running, size, content = hashlib.sha256(), 0, b""
    try:
        with file.open("rb") as opened:
            while piece := opened.read(SENT_BYTES):
                running.update(piece)
                size += len(piece)
                content = piece if size <= SENT_BYTES else b""
    except OSError as error:
        raise MisusedError("cli_file_unreadable", field="--evidence", path=str(file), reason=error.strerror) from None
    found: dict[str, Any] = {"sha256": running.hexdigest(), "bytes": size}
    return found | ({"content": base64.b64encode(content).decode()} if size <= SENT_BYTES else {})


_ID: Final = place("ID", "duty")
VERBS = (
    Verb("list", listing, (option("--contract", "ID", text="of_contract", dest="of_contract"), *PAGING)),
    Verb("show", show, (_ID,)),
    Verb("fulfil", fulfil, (_ID, option("--evidence", "FILE", required=True), option("--note", "TEXT"))),
)
