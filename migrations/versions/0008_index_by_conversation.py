"""Index escalations by conversation and notifications by reservation."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_escalations_conversation_id", "escalations", ["conversation_id"])
    op.create_index(op.f("ix_notifications_reservation_id"), "notifications", ["reservation_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_notifications_reservation_id"), table_name="notifications")
    op.drop_index("ix_escalations_conversation_id", table_name="escalations")
