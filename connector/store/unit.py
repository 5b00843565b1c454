"""One unit of work: its connection, its time, the aggregates it can reach, and what it leaves for after the commit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from connector.store.contracts import Contracts, Grants, Transfers
from connector.store.counters import Counters
from connector.store.duties import Duties
from connector.store.exchanges import Exchanges
from connector.store.heads import Heads
from connector.store.journal import Note
from connector.store.messages import Messages
from connector.store.offers import Datasets, Offers, Policies
from connector.store.outbox import Outboxes
from connector.store.parties import Operators, Participants, Peers, SpentTokens
from connector.store.seals import Keys, Seals


class Unit:
    """What `work(unit)` gets.

    Attributes:
        conn: the Core connection, inside a transaction.
        now: the time of the unit, seconds since 1970.
        reading: whether the unit only reads; then nothing that it loads is locked.
        records: journal notes, numbered and linked by the writer just before COMMIT.
        actions: called in the event loop after the commit.
    """

    def __init__(self, conn: Connection, now: float, *, reading: bool = False) -> None:
        self.conn = conn
        self.now = now
        self.reading = reading
        self.records: list[Note] = []
        self.actions: list[Callable[[], None]] = []

    def record(self, participant: str, kind: str, subject: str, **payload: Any) -> None:
        """Write a journal record in this transaction. The payload holds no secret and no transferred data."""
        self.records.append(Note(participant, self.now, kind, subject, payload))

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have something done once this transaction is committed."""
        self.actions.append(action)

    @cached_property
    def participants(self) -> Participants:
        """Organisations that we are."""
        return Participants(self.conn)

    @cached_property
    def heads(self) -> Heads:
        """Signed heads of journals, ours and our peers'."""
        return Heads(self.conn)

    @cached_property
    def operators(self) -> Operators:
        """Holders of tokens of the private listener."""
        return Operators(self.conn)

    @cached_property
    def peers(self) -> Peers:
        """Other participants as ours know them."""
        return Peers(self.conn)

    @cached_property
    def spent(self) -> SpentTokens:
        """Tokens already used."""
        return SpentTokens(self.conn)

    @cached_property
    def policies(self) -> Policies:
        """Policy documents by digest."""
        return Policies(self.conn)

    @cached_property
    def datasets(self) -> Datasets:
        """Published datasets."""
        return Datasets(self.conn)

    @cached_property
    def offers(self) -> Offers:
        """Our offers."""
        return Offers(self.conn)

    @cached_property
    def exchanges(self) -> Exchanges:
        """Negotiations and transfers."""
        return Exchanges(self.conn, lock=not self.reading)

    @cached_property
    def outbox(self) -> Outboxes:
        """Our pending moves."""
        return Outboxes(self.conn, lock=not self.reading)

    @cached_property
    def messages(self) -> Messages:
        """Messages received and sent."""
        return Messages(self.conn)

    @cached_property
    def contracts(self) -> Contracts:
        """What negotiations are about."""
        return Contracts(self.conn)

    @cached_property
    def seals(self) -> Seals:
        """Seals of contracts."""
        return Seals(self.conn)

    @cached_property
    def keys(self) -> Keys:
        """Whose keys were whose when."""
        return Keys(self.conn)

    @cached_property
    def transfers(self) -> Transfers:
        """What transfers are about."""
        return Transfers(self.conn)

    @cached_property
    def counters(self) -> Counters:
        """What was spent of quotas."""
        return Counters(self.conn)

    @cached_property
    def duties(self) -> Duties:
        """The ledger of duties."""
        return Duties(self.conn)

    @cached_property
    def grants(self) -> Grants:
        """Rights to read."""
        return Grants(self.conn)
