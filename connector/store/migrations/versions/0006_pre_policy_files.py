"""What an offer's files are called, how far its owner would go, and which offer a negotiation began with.

Revision: 0006. "Pre": the columns are new and may be empty, so the release before this one runs on them too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("offer", sa.Column("limit_policy", sa.String(), nullable=True))
    op.add_column("offer", sa.Column("files", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("contract", sa.Column("basis", sa.String(), nullable=True))
