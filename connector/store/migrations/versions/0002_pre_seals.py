"""Seals of contracts, the history of keys, and what messages, peers and offers need for them.

Revision: 0002. "Pre": every column may be empty, so the release before it runs on the database too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the tables and columns."""
    op.create_table(
        "seal",
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "type", name="pk_seal"),
    )
    op.create_table(
        "key_history",
        sa.Column("participant", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("kid", sa.String(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("until", sa.Float(), nullable=True),
        sa.Column("jwk", sa.JSON(), nullable=False),
        sa.Column("used", sa.Float(), nullable=True),
        sa.Column("listed", sa.Float(), nullable=True),
        sa.Column("endorsement", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("participant", "party", "purpose", "kid", "since", name="pk_key_history"),
    )
    for table, column, kind in (
        ("peer", "seals", sa.Float()),
        ("offer", "seal", sa.String()),
        ("message", "withdrawn", sa.Float()),
        ("contract", "sealed", sa.String()),
    ):
        op.add_column(table, sa.Column(column, kind, nullable=True))
