"""What each peer's certificate must be.

Revision: 0007. "Pre": the column may be empty, so the release before it runs on the database too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    op.add_column("peer", sa.Column("trust", sa.JSON(), nullable=True))
