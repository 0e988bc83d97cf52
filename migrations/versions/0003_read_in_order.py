"""Read the messages of one sender in order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What came earlier is long read: it needs no sender
    op.add_column("deliveries", sa.Column("sender", sa.String(), nullable=False, server_default=""))
    op.alter_column("deliveries", "sender", server_default=None)
    op.create_index(
        "ix_deliveries_of_sender",
        "deliveries",
        ["connection_id", "sender", "id"],
        unique=False,
        postgresql_where="state = 'new' AND sender != ''",
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_of_sender", table_name="deliveries")
    op.drop_column("deliveries", "sender")
