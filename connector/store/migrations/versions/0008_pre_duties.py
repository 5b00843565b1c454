"""The ledger of duties.

Revision: 0008. "Pre": a table that the code before it does not know.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table and its indexes."""
    text, optional = ("id", "participant", "contract", "peer", "duty", "kind", "action", "obliged", "trigger", "state"), (
        "evidence", "note", "by", "told",
    )  # fmt: skip
    op.create_table(
        "duty",
        *(sa.Column(name, sa.String(), nullable=False) for name in text),
        *(sa.Column(name, sa.String(), nullable=True) for name in optional),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("since", "due", "at", "tell_at")),
        sa.Column("evidence_bytes", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_duty"),
        sa.UniqueConstraint("contract", "duty", name="uq_duty_contract_duty"),
    )
    op.create_index("ix_duty_due", "duty", ["state", "due"])
    op.create_index("ix_duty_participant", "duty", ["participant"])
    op.create_index("ix_duty_tell_at", "duty", ["tell_at"])
