"""What a record of the journal is about besides its subject: a contract, a peer, a dataset, by which operators find it.

The columns of a record say nothing that its subject and its payload do not say, so that a changed column is found by `verify`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from connector.store.tables import Contract, Transfer, table

_contracts, _transfers = table(Contract), table(Transfer)
_wanted = select(_contracts.c.id.label("contract"), _contracts.c.peer, _contracts.c.dataset)
_of_contract = _wanted.where(_contracts.c.id == bindparam("of"))
_of_transfer = _wanted.join(_transfers, _transfers.c.contract == _contracts.c.id).where(
    _transfers.c.id == bindparam("of")
)
_BY_SUBJECT: Final = {
    "negotiation": "contract",
    "seal": "contract",
    "contract": "contract",
    "data": "contract",
    "peer": "peer",
    "dataset": "dataset",
}
_QUERIES: Final = {
    "negotiation": _of_contract,
    "data": _of_contract,
    "seal": _of_contract,
    "contract": _of_contract,
    "transfer": _of_transfer,
    "grant": _of_transfer,
}
MEMBERS: Final = ("contract", "peer", "dataset")


@dataclass(frozen=True, slots=True)
class Places:
    """The columns of a record."""

    contract: str | None = None
    peer: str | None = None
    dataset: str | None = None


def of(kind: str, subject: str, payload: Mapping[str, Any]) -> Places:
    """Return where a record belongs by its subject and its payload alone."""
    found = {name: value for name in MEMBERS if isinstance(value := payload.get(name), str)}
    own = _BY_SUBJECT.get(kind.partition(".")[0])
    if own is not None:
        found.setdefault(own, subject)
    return Places(**found)


def complete(conn: Connection, kind: str, subject: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload that also names the contract, the peer and the dataset of the process that it speaks of."""
    query = _QUERIES.get(kind.partition(".")[0])
    if query is None or all(name in payload for name in MEMBERS):
        return dict(payload)
    row = conn.execute(query, {"of": subject}).mappings().first()
    return {**(row or {}), **payload}
