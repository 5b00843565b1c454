"""`connector datasets`: what a participant publishes, where its data is, and on what terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from connector.cli import policyfiles
from connector.cli.commands import DONE, PAGING, MisusedError, Verb, option, place
from connector.dataplane.specs import parse_source
from connector.errors import Invalid

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("title", lambda row: row["title"]),
    ("source", lambda row: row["source"]["kind"]),
    ("offers", lambda row: len(row["offers"])),
)


def add(session: Session) -> int:
    """Publish a dataset with one offer; its policy files are stored first."""
    body: dict[str, Any] = {"id": session.typed("dataset"), "title": session.typed("title"), "source": _source(session)}
    if (metadata := session.typed("metadata")) is not None:
        body["description"] = policyfiles.read_object(session, metadata, "--metadata")
    if shape := _shape(session):
        body["source"]["shape"] = shape
    body["offers"] = [policyfiles.offer(session)]
    session.output.done(session.api.post(session.path("datasets"), body))
    return DONE


def listing(session: Session) -> int:
    """List them in order of publication."""
    session.list(COLUMNS, "datasets")
    return DONE


def show(session: Session) -> int:
    """Show one with its offers."""
    session.output.shown(session.api.get(session.path("datasets", session.typed("dataset"))))
    return DONE


def remove(session: Session) -> int:
    """Take one out of the catalogue with its offers."""
    return session.removed(session.path("datasets", session.typed("dataset")))


def _source(session: Session) -> dict[str, Any]:
    """Return where the data is; a relative path starts in the folder one stands in."""
    kind, _, file = session.typed("source").partition(":")
    if kind == "spec":
        return policyfiles.read_object(session, file, "--source")
    try:
        return parse_source(session.typed("source"))
    except Invalid as error:
        raise MisusedError(error.code, field="--source") from None


def _shape(session: Session) -> dict[str, Any]:
    """Return what is declared of the columns, for terms that reshape the data."""
    lists = {"time": "time_column", "keys": "key_column", "values": "value_column"}
    named = {member: session.typed(name) for member, name in (*lists.items(), *((each, each) for each in _MARKS))}
    return {member: value for member, value in named.items() if value is not None}


_ID: Final = place("ID", "dataset")
_MARKS: Final = ("delimiter", "decimal")
_SHAPE: Final = (
    *(option(f"--{kind}-column", "NAME", action="append") for kind in ("time", "key", "value")),
    *(option(f"--{mark}", "CHARACTER") for mark in _MARKS),
)
_NEW: Final = (option("--title", "TITLE", required=True), option("--source", "SOURCE", required=True))
_METADATA: Final = option("--metadata", "FILE")
VERBS = (
    Verb("add", add, (_ID, *_NEW, _METADATA, *_SHAPE, *policyfiles.OFFER)),
    Verb("list", listing, PAGING),
    Verb("show", show, (_ID,)),
    Verb("remove", remove, (_ID,)),
)
