"""`connector offers`: the terms on which a participant's datasets are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.cli import policyfiles
from connector.cli.commands import DONE, PAGING, Verb, option, place

if TYPE_CHECKING:
    from connector.cli.output import Column
    from connector.cli.session import Session

COLUMNS: Final[tuple[Column, ...]] = (
    ("id", lambda row: row["id"]),
    ("dataset", lambda row: row["dataset"]),
    ("policy", lambda row: row["policy"]),
    ("access", lambda row: row["access"]),
    ("approval", lambda row: row["approval"]),
    ("limit", lambda row: row["limit"]),
)


def add(session: Session) -> int:
    """Offer a published dataset on one more policy."""
    body = {"dataset": session.typed("dataset"), **policyfiles.offer(session)}
    session.output.done(session.api.post(session.path("offers"), body))
    return DONE


def listing(session: Session) -> int:
    """List them, of one dataset with `--dataset`."""
    dataset = session.typed("of_dataset")
    session.list_at(COLUMNS, lambda **query: session.path("offers", dataset=dataset, **query))
    return DONE


def remove(session: Session) -> int:
    """Withdraw one; contracts made from it stay."""
    return session.removed(session.path("offers", session.typed("offer")))


_OF: Final = option("--dataset", "ID", text="of_dataset", dest="of_dataset")
VERBS = (
    Verb("add", add, (place("DATASET", "dataset"), *policyfiles.OFFER)),
    Verb("list", listing, (_OF, *PAGING)),
    Verb("remove", remove, (place("ID", "offer", text="own_offer"),)),
)
