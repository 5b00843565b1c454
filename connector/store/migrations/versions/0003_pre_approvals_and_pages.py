"""Who approved a contract, how much a peer's offers take, and lists in pages.

Revision: 0003. "Pre": the columns are empty and the indexes unused under the old code.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and the indexes."""
    op.add_column("contract", sa.Column("approved_by", sa.String(), nullable=True))
    op.add_column("contract", sa.Column("offered_bytes", sa.Integer(), nullable=True))
    op.create_index("ix_policy_page", "policy", ["participant", "created", "digest"])
    op.create_index("ix_offer_page", "offer", ["participant", "created", "id"])
