"""`connector catalog`: what a peer offers us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli.commands import DONE, PARTS, Verb, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("title", lambda row: row["title"]),
    ("offers", lambda row: ", ".join(row["offers"])),
)


def run(session: Session) -> int:
    """List a peer's datasets that we may see, or show one of them."""
    peer, dataset = session.typed("peer"), session.typed("dataset")
    if dataset is not None:
        session.output.shown(session.api.get(session.path("peers", peer, "catalog", dataset=dataset))["items"][0])
    else:
        session.list_at(COLUMNS, lambda **query: session.path("peers", peer, "catalog", **query))
    return DONE


VERBS = (
    Verb("", run, (place("PEER", "peer"), place("DATASET", "dataset", text="their_dataset", optional=True), *PARTS)),
)
