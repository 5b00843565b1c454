"""What policies need while they run: declared purposes, what is vouched for of peers, counters.

Revision: 0004. "Pre": the code before it leaves the new columns empty and does not know the table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add two columns and a table."""
    op.add_column("contract", sa.Column("purpose", sa.String(), nullable=True))
    op.add_column("peer", sa.Column("attested", sa.JSON(), nullable=True))
    op.create_table(
        "counter",
        sa.Column("contract", sa.String(), nullable=False),
        sa.Column("operand", sa.String(), nullable=False),
        sa.Column("start", sa.Float(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("contract", "operand", "start", name="pk_counter"),
    )
