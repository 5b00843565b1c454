"""Columns by which records of the journal are found, signed heads, and the heads of peers.

Revision: 0005. "Pre": the release before it writes records without these columns, which only searches miss.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from connector import loader

revision = "0005"
down_revision = "0004"
_COLUMNS = ("contract", "peer", "dataset")
_SUBJECTS = {"negotiation": "contract", "data": "contract", "peer": "peer", "dataset": "dataset"}
_BATCH = 1000
_PAYLOAD_BYTES = 8 * 1024 * 1024


def upgrade() -> None:
    """Add the columns with what subjects tell, their indexes, and the two tables."""
    for name in _COLUMNS:
        op.add_column("journal", sa.Column(name, sa.String(), nullable=True))
    _fill(op.get_bind())
    for name in (*_COLUMNS, "kind"):
        op.create_index(f"ix_journal_{name}", "journal", ["participant", name, "number"])
    op.create_index("ix_journal_at", "journal", ["participant", "at"])
    _sealed()
    _witnessed()


def _fill(conn: sa.Connection) -> None:
    """Write into the columns what each record's subject and payload say."""
    wanted = sa.text(
        "SELECT j.participant, j.number, j.kind, j.subject, p.payload FROM journal j LEFT JOIN journalpayload p"
        " ON p.participant = j.participant AND p.number = j.number WHERE j.participant = :of AND j.number > :after"
        " ORDER BY j.number LIMIT :batch"
    )
    change = sa.text(
        "UPDATE journal SET contract = :contract, peer = :peer, dataset = :dataset"
        " WHERE participant = :participant AND number = :number"
    )
    for of in conn.execute(sa.text("SELECT DISTINCT participant FROM journal")).scalars().all():
        after = 0
        while rows := conn.execute(wanted, {"of": of, "after": after, "batch": _BATCH}).mappings().all():
            conn.execute(change, [_places(row) for row in rows])
            after = rows[-1]["number"]


def _places(row: Any) -> dict[str, Any]:
    payload = loader.load_object((row["payload"] or "{}").encode(), limit=_PAYLOAD_BYTES)
    found = {name: value if isinstance(value := payload.get(name), str) else None for name in _COLUMNS}
    own = _SUBJECTS.get(row["kind"].partition(".")[0])
    if own is not None and found[own] is None:
        found[own] = row["subject"]
    return found | {"participant": row["participant"], "number": row["number"]}


def _sealed() -> None:
    op.create_table(
        "journal_sealed_head",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("participant", "number", name="pk_journal_sealed_head"),
    )
    op.create_index("ix_journal_sealed_head_last", "journal_sealed_head", ["participant", "last"])


def _witnessed() -> None:
    op.create_table(
        "witnessed_head",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("contradicts", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("participant", "peer", "digest", name="pk_witnessed_head"),
    )
    op.create_index("ix_witnessed_head_number", "witnessed_head", ["participant", "peer", "number"])
