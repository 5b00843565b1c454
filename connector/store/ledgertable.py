"""The table of duties; as `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class Duty(SQLModel, table=True):
    """A duty of an agreement, for the side that has to do it and for the side that waits for it.

    `duty` is its `uid` or its JSON pointer in the agreement; `obliged` the role that has to do it. `told` is how far the other
    party has been told of the fulfilment: `pending`, `told`, `refused`, or None where it is recorded here alone.
    """

    __table_args__ = (UniqueConstraint("contract", "duty"), Index("ix_duty_due", "state", "due"))
    id: str = Field(primary_key=True)
    participant: str = Field(index=True)
    contract: str
    peer: str
    duty: str
    kind: str
    action: str
    obliged: str
    trigger: str
    state: str
    since: float | None = None
    due: float | None = None
    evidence: str | None = None
    evidence_bytes: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    note: str | None = None
    by: str | None = None
    at: float | None = None
    told: str | None = None
    tell_at: float | None = Field(default=None, index=True)
    attempts: int = 0
    created: float
