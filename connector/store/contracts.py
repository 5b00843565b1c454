"""What processes are about: contracts, transfers and the grants to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from connector.errors import ConnectorError
from connector.protocol.negotiation import FINALIZED
from connector.protocol.transfer import SUSPENDED
from connector.store.prepared import Change
from connector.store.tables import OPEN, columns, table
from connector.store.tables import Contract as ContractRow
from connector.store.tables import Exchange as ExchangeRow
from connector.store.tables import Grant as GrantRow
from connector.store.tables import Transfer as TransferRow

_contracts, _transfers, _grants = table(ContractRow), table(TransferRow), table(GrantRow)
_exchanges = table(ExchangeRow)

# What messages and reads of data need is made once: making a statement costs several times more than running it.
_of_contract, _of_transfer = _contracts.c.id == bindparam("of_id"), _transfers.c.id == bindparam("of_id")
_of_grant = _grants.c.id == bindparam("of_id")
_finalized = select(_exchanges.c.pid).where(_exchanges.c.pid == _contracts.c.id, _exchanges.c.state == FINALIZED)
_select_contract = select(_contracts).where(_of_contract)
_insert_contract = Change(insert(_contracts))
_select_agreed = select(_contracts).where(
    _contracts.c.participant == bindparam("of_participant"),
    _contracts.c.peer == bindparam("of_peer"),
    _contracts.c.agreement_id == bindparam("of_agreement"),
    _contracts.c.role == bindparam("of_role"),
)
_offered = (
    select(func.coalesce(func.sum(_contracts.c.offered_bytes), 0))
    .select_from(_exchanges.join(_contracts, _contracts.c.id == _exchanges.c.pid))
    .where(
        _exchanges.c.participant == bindparam("of_participant"),
        _exchanges.c.peer == bindparam("of_peer"),
        _exchanges.c.protocol == "negotiation",
        OPEN,
    )
)
_update_contract = Change(update(_contracts).where(_of_contract, ~_finalized.exists()))
_select_transfer, _insert_transfer = select(_transfers).where(_of_transfer), Change(insert(_transfers))
_update_transfer = Change(update(_transfers).where(_of_transfer))
_select_grant, _insert_grant = select(_grants).where(_of_grant), Change(insert(_grants))
_update_grant = Change(update(_grants).where(_of_grant))
_select_grant_of = select(_grants).where(_grants.c.transfer == bindparam("of_transfer"))


@dataclass(frozen=True, slots=True)
class Contract:
    """What a negotiation is about; its id is our pid.

    Attributes:
        offer: the offer on the table, in DSP's message form (with `target`).
        offer_by: the role that put it there.
        offer_row: the id of the offer row of ours that it equals, or None (then nothing is agreed on it).
        sealed: `two-sided`, `one-sided` (the peer does not seal), or None: not yet.
        approved_by: the operator who, with the scope `approve`, put an offer of ours on the table or agreed to it.
        offered_bytes: how much the peer's offers in this negotiation take, all together.
        purpose: the IRI of the purpose that the consumer declared, or None.
        basis: the id of the offer of our catalogue that the negotiation began with, where we are the provider.
    """

    id: str
    participant: str
    peer: str
    role: str
    dataset: str
    offer: dict[str, Any]
    offer_by: str
    asked: float
    offer_row: str | None = None
    agreement_id: str | None = None
    agreement: dict[str, Any] | None = None
    agreed: float | None = None
    sealed: str | None = None
    approved_by: str | None = None
    offered_bytes: int | None = None
    purpose: str | None = None
    basis: str | None = None


class Contracts:
    """The aggregate; what it has read it does not read again in the same unit."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._known: dict[str, Contract] = {}

    def add(self, contract: Contract) -> None:
        """Insert what a new negotiation is about."""
        _insert_contract.run(self._conn, columns(contract))
        self._known[contract.id] = contract

    def get(self, contract: str) -> Contract | None:
        """Return a contract by its id."""
        known = self._known.get(contract)
        if known is not None:
            return known
        row = self._conn.execute(_select_contract, {"of_id": contract}).first()
        if row is None:
            return None
        found = self._known[contract] = _contract(row)
        return found

    def by_agreement(self, participant: str, peer: str, agreement: str, role: str) -> Contract | None:
        """Return the contract with a peer in which we hold that agreement in that role."""
        named = {"of_participant": participant, "of_peer": peer, "of_agreement": agreement, "of_role": role}
        row = self._conn.execute(_select_agreed, named).first()
        return _contract(row) if row else None

    def offered_bytes(self, participant: str, peer: str) -> int:
        """Return how much a peer's offers take in its negotiations that have not ended."""
        return int(self._conn.execute(_offered, {"of_participant": participant, "of_peer": peer}).scalar_one())

    def many(self, contracts: Sequence[str]) -> dict[str, Contract]:
        """Return contracts by their ids."""
        rows = self._conn.execute(select(_contracts).where(_contracts.c.id.in_(contracts)))
        return {row.id: _contract(row) for row in rows}

    def change(self, contract: str, **values: Any) -> None:
        """Change the offer on the table or set the agreement.

        Raises:
            ConnectorError: `contract_final`, its negotiation is FINALIZED, after which nothing may change.
        """
        if _update_contract.run(self._conn, {"of_id": contract, **values}) != 1:
            raise ConnectorError("contract_final", contract=contract)
        known = self._known.get(contract)
        if known is not None:
            self._known[contract] = replace(known, **values)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a transfer is about; its id is our pid. The token is a secret and appears in no listing."""

    id: str
    participant: str
    contract: str
    agreement_id: str
    format: str
    renewable: bool = False
    endpoint: str | None = None
    renewal: str | None = None
    token: str | None = None
    token_until: float | None = None

    def __repr__(self) -> str:
        return f"Transfer({self.id})"


class Transfers:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, transfer: Transfer) -> None:
        """Insert what a new transfer is about."""
        _insert_transfer.run(self._conn, columns(transfer))

    def get(self, transfer: str) -> Transfer | None:
        """Return a transfer by its id."""
        row = self._conn.execute(_select_transfer, {"of_id": transfer}).first()
        return _transfer(row) if row else None

    def of_contract(self, contract: str) -> Sequence[Transfer]:
        """Return a contract's transfers, newest first by pid order of insertion."""
        rows = self._conn.execute(select(_transfers).where(_transfers.c.contract == contract))
        return [_transfer(row) for row in rows]

    def change(self, transfer: str, **values: Any) -> None:
        """Change the address or its token."""
        _update_transfer.run(self._conn, {"of_id": transfer, **values})


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to read under one started transfer.

    Attributes:
        generation: of the present token; the one before is good until `previous_until`.
        since: when the present generation began to count (its start was acknowledged, or it was renewed).
        closed, closed_by: when and why it was closed; a closed grant opens nothing.
    """

    id: str
    participant: str
    peer: str
    transfer: str
    contract: str
    dataset: str
    generation: int
    renewable: bool
    since: float
    previous_until: float | None = None
    closed: float | None = None
    closed_by: str | None = None


class Grants:
    """The aggregate."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    def add(self, grant: Grant) -> None:
        """Insert a transfer's grant."""
        _insert_grant.run(self._conn, columns(grant))

    def get(self, grant: str) -> Grant | None:
        """Return a grant by its id."""
        row = self._conn.execute(_select_grant, {"of_id": grant}).first()
        return Grant(**row._asdict()) if row else None

    def of_transfer(self, transfer: str) -> Grant | None:
        """Return a transfer's grant."""
        row = self._conn.execute(_select_grant_of, {"of_transfer": transfer}).first()
        return Grant(**row._asdict()) if row else None

    def open_of(self, participant: str) -> Sequence[Grant]:
        """Return the grants that are open."""
        wanted = select(_grants).where(_grants.c.participant == participant, _grants.c.closed.is_(None))
        return [Grant(**row._asdict()) for row in self._conn.execute(wanted)]

    def paused_of(self, participant: str) -> Sequence[Grant]:
        """Return the grants of transfers that we suspended because their policy refused, and that nobody has moved since."""
        paused = _exchanges.c.pid == _grants.c.transfer, _exchanges.c.state == SUSPENDED, _exchanges.c.waits == "policy"
        wanted = select(_grants).where(_grants.c.participant == participant, *paused)
        return [Grant(**row._asdict()) for row in self._conn.execute(wanted)]

    def change(self, grant: str, **values: Any) -> None:
        """Change generation or times, or close the grant."""
        _update_grant.run(self._conn, {"of_id": grant, **values})


def _contract(row: Row[Any]) -> Contract:
    return Contract(**row._asdict())


def _transfer(row: Row[Any]) -> Transfer:
    return Transfer(**row._asdict())
