"""Find the day's messages without reading all of them."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_messages_created_at", "messages", ["created_at"], postgresql_using="brin")


def downgrade() -> None:
    op.drop_index("ix_messages_created_at", "messages", postgresql_using="brin")
