"""The tables. Times are seconds since 1970 (UTC); JSON columns hold JSON values; identifiers are opaque texts.

SQLModel gives the classes; statements are SQLAlchemy Core over `Class.__table__` (see docs/adr/0001).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

# A migration can only change a constraint that has a name, and SQLite and PostgreSQL would each choose their own.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

OPEN = text("(state IS NULL OR state NOT IN ('COMPLETED', 'FINALIZED', 'TERMINATED'))")
"""The condition of processes that have not ended, word for word that of their index: only so do databases use it.

PostgreSQL has it from the migration: its name here would import the whole dialect at every start.
"""

# mypy cannot see the attribute that SQLModel adds; one function keeps that in one place.


def table(model: type[SQLModel]) -> Table:
    """Return the Core table of a table class."""
    return model.__table__  # type: ignore[attr-defined,no-any-return]


def columns(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, not copied (`dataclasses.asdict` copies deeply, at many times the cost)."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


class Participant(SQLModel, table=True):
    """An organisation that we are."""

    id: str = Field(primary_key=True)
    name: str
    root: str
    created: float


class Operator(SQLModel, table=True):
    """A named holder of a token of the private listener; the token itself is not stored."""

    name: str = Field(primary_key=True)
    scope: str
    token_digest: str = Field(unique=True)
    created: float
    created_by: str


class Peer(SQLModel, table=True):
    """Somebody else's participant as one of ours knows it. `state` is `pinned`, `key-changed` or `removed`.

    `seals` is the time since when it is known to seal its contracts; only a person's confirmation takes that back.
    """

    participant: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    auth: str
    base: str
    state: str
    pins: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    document: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    created: float
    created_by: str
    checked: float
    seals: float | None = None
    attested: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    trust: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class Policy(SQLModel, table=True):
    """A policy document, kept under the digest of its content; `name` is the file it last came from."""

    __table_args__ = (Index("ix_policy_page", "participant", "created", "digest"),)
    participant: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    name: str
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created: float
    created_by: str


class Dataset(SQLModel, table=True):
    """A published dataset. `rendered` is its catalogue entry without `hasPolicy`, as JSON text without the closing brace."""

    __table_args__ = (UniqueConstraint("participant", "id"), Index("ix_dataset_page", "participant", "position"))
    position: int | None = Field(default=None, primary_key=True)
    participant: str
    id: str
    title: str
    description: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    source: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    rendered: str = Field(sa_column=Column(Text, nullable=False))
    created: float
    created_by: str


class Offer(SQLModel, table=True):
    """An offer of ours: in the catalogue, `retired` from it, or of a `negotiation`: one that we sent or that we accepted."""

    __table_args__ = (
        Index("ix_offer_dataset", "participant", "dataset"),
        Index("ix_offer_access", "participant", "access"),
        Index("ix_offer_page", "participant", "created", "id"),
    )
    participant: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    dataset: str
    origin: str
    policy: str
    access: str | None = None
    approval: str | None = None
    limit_policy: str | None = None
    files: dict[str, str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    document: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    rendered: str = Field(sa_column=Column(Text, nullable=False))
    created: float
    created_by: str
    seal: str | None = None


class Exchange(SQLModel, table=True):
    """A negotiation or transfer: where it stands. The pending move is its outbox row."""

    __table_args__ = (
        UniqueConstraint("participant", "peer", "protocol", "role", "peer_pid"),
        Index("ix_exchange_list", "participant", "protocol", "created"),
        Index("ix_exchange_check", "check_at"),
        Index("ix_exchange_open", "participant", "peer", "protocol", sqlite_where=OPEN),
    )
    pid: str = Field(primary_key=True)
    participant: str
    peer: str
    protocol: str
    role: str
    peer_pid: str | None = None
    base: str
    state: str | None = None
    wanted: str | None = None
    seq: int = 0
    acked: int = 0
    heard: str | None = None
    last_digest: str | None = None
    moved: bool = False
    adopted: bool = False
    stalled: str | None = None
    confirmed: bool = True
    waits: str | None = None
    reasons: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    check_at: float | None = None
    created: float
    updated: float


class Outbox(SQLModel, table=True):
    """Our pending move of a process: at most one, which the unique index on `process` holds."""

    __table_args__ = (Index("ix_outbox_peer", "participant", "peer"),)
    id: str = Field(primary_key=True)
    process: str = Field(unique=True)
    participant: str
    peer: str
    seq: int
    move: str
    target: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    grant: str | None = None
    generation: int | None = None
    attempts: int = 0
    first_attempt: float | None = None
    next_attempt: float
    lease: float | None = None
    last_error: str | None = None


class Message(SQLModel, table=True):
    """A message of a process, with the exact bytes (a transfer's token replaced by its digest).

    `withdrawn` is when a move of ours was given up or gave way without having taken effect.
    """

    __table_args__ = (UniqueConstraint("process", "direction", "message_id"),)
    number: int | None = Field(default=None, primary_key=True)
    participant: str
    process: str
    direction: str
    message_id: str | None = None
    seq: int = 0
    move: str
    digest: str
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: float
    withdrawn: float | None = None


class Contract(SQLModel, table=True):
    """What a negotiation is about: the offer on the table and, once there is one, the agreement.

    `sealed` is `two-sided`, `one-sided` (a peer that does not seal) or None (not yet).
    """

    __table_args__ = (UniqueConstraint("participant", "peer", "agreement_id", "role"),)
    id: str = Field(primary_key=True)
    participant: str
    peer: str
    role: str
    dataset: str
    offer: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    offer_by: str
    offer_row: str | None = None
    basis: str | None = None
    agreement_id: str | None = None
    agreement: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    agreed: float | None = None
    asked: float
    sealed: str | None = None
    approved_by: str | None = None
    offered_bytes: int | None = None
    purpose: str | None = None


class Seal(SQLModel, table=True):
    """A party's seal of a contract: `type` is `agreement` (the provider's) or `verification` (the consumer's)."""

    contract: str = Field(primary_key=True)
    type: str = Field(primary_key=True)
    participant: str
    party: str
    kid: str
    jws: str = Field(sa_column=Column(Text, nullable=False))
    at: float


class KeyHistory(SQLModel, table=True):
    """A public key of a party (one of ours, or a peer as one of ours knows it) and when it was that party's; never forgotten.

    Of our own keys also: `used`, from when it signs; `listed`, until when the DID document lists it for use; `endorsement`, the
    JWS by which its predecessor names it.
    """

    __tablename__ = "key_history"
    participant: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    kid: str = Field(primary_key=True)
    since: float = Field(primary_key=True)
    until: float | None = None
    jwk: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    used: float | None = None
    listed: float | None = None
    endorsement: str | None = Field(default=None, sa_column=Column(Text))


class Transfer(SQLModel, table=True):
    """What a transfer is about. `token` is the consumer's secret for reading; it is shown and exported nowhere."""

    id: str = Field(primary_key=True)
    participant: str
    contract: str = Field(index=True)
    agreement_id: str
    format: str
    renewable: bool = False
    endpoint: str | None = None
    renewal: str | None = None
    token: str | None = None
    token_until: float | None = None


class Grant(SQLModel, table=True):
    """The right to read under one started transfer. Tokens follow from the key file, the id and the generation."""

    id: str = Field(primary_key=True)
    participant: str
    peer: str
    transfer: str = Field(unique=True)
    contract: str = Field(index=True)
    dataset: str
    generation: int
    renewable: bool
    since: float
    previous_until: float | None = None
    closed: float | None = None
    closed_by: str | None = None


class Counter(SQLModel, table=True):
    """What was spent under a contract of what a left operand counts, in the period that began at `start` (0: in all)."""

    contract: str = Field(primary_key=True)
    operand: str = Field(primary_key=True)
    start: float = Field(primary_key=True)
    used: int = Field(sa_column=Column(BigInteger, nullable=False))


class Journal(SQLModel, table=True):
    """One chain of records per participant. The payload is a row of its own and can be removed without breaking the chain.

    `contract`, `peer` and `dataset` follow from the subject and the payload (`places.of`); operators find records by them.
    """

    __table_args__ = (
        Index("ix_journal_contract", "participant", "contract", "number"),
        Index("ix_journal_peer", "participant", "peer", "number"),
        Index("ix_journal_dataset", "participant", "dataset", "number"),
        Index("ix_journal_kind", "participant", "kind", "number"),
        Index("ix_journal_at", "participant", "at"),
    )
    participant: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    at: str
    kind: str
    subject: str = Field(index=True)
    payload_digest: str
    hash: str
    contract: str | None = None
    peer: str | None = None
    dataset: str | None = None


class JournalPayload(SQLModel, table=True):
    """The payload of a record, with the salt of its digest."""

    participant: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    salt: str
    payload: str = Field(sa_column=Column(Text, nullable=False))


class JournalHead(SQLModel, table=True):
    """The last record's number and hash."""

    participant: str = Field(primary_key=True)
    number: int
    hash: str


class JournalSealedHead(SQLModel, table=True):
    """A head that one of ours signed over its records from `first` to `last` (`evidence.heads`)."""

    __tablename__ = "journal_sealed_head"
    __table_args__ = (Index("ix_journal_sealed_head_last", "participant", "last"),)
    participant: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    first: int
    last: int
    at: float
    digest: str
    jws: str = Field(sa_column=Column(Text, nullable=False))


class WitnessedHead(SQLModel, table=True):
    """A head that a peer signed over its own journal, as one of ours received it; `contradicts` says what is wrong with it."""

    __tablename__ = "witnessed_head"
    __table_args__ = (Index("ix_witnessed_head_number", "participant", "peer", "number"),)
    participant: str = Field(primary_key=True)
    peer: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    number: int
    at: float
    jws: str = Field(sa_column=Column(Text, nullable=False))
    contradicts: str | None = None


class Spent(SQLModel, table=True):
    """A token that was used (A.2 row 9); kept until it has expired."""

    __table_args__ = (Index("ix_spent_until", "until"),)
    participant: str = Field(primary_key=True)
    issuer: str = Field(primary_key=True)
    jti: str = Field(primary_key=True)
    until: float


class Answered(SQLModel, table=True):
    """The answer given to an operator's `Idempotency-Key`."""

    operator: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    status: int
    body: str = Field(sa_column=Column(Text, nullable=False))
    at: float


class Probe(SQLModel, table=True):
    """A row that is written and removed again, to learn whether the database can commit (see `Store.probe`)."""

    id: str = Field(primary_key=True)
    filling: str = Field(sa_column=Column(Text, nullable=False))
