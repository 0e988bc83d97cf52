"""Keep media."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What came earlier is still at the vendors: it is fetched now.
FETCH_EARLIER = """
    INSERT INTO media (tenant_id, message_id, position, key, content_type, name, source, state,
                       reason, attempts, next_try_at, created_at)
    SELECT tenant_id, messages.id, sent.position - 1,
           tenant_id || '/' || replace(gen_random_uuid()::text, '-', ''), '', '',
           sent.attachment - 'name' || jsonb_build_object('connection_id', connection_id),
           'waiting', '', 0, created_at, created_at
    FROM messages, jsonb_array_elements(attachments) WITH ORDINALITY AS sent (attachment, position)
    WHERE connection_id IS NOT NULL AND sent.position <= 10
"""


def upgrade() -> None:
    op.create_table(
        "media",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("source", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'kept', 'refused', 'failed')", name=op.f("ck_media_state")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_media_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
            name=op.f("fk_media_tenant_id_tenants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("message_id", "position", name=op.f("uq_media_message_id_position")),
    )
    op.create_index(op.f("ix_media_tenant_id"), "media", ["tenant_id"], unique=False)
    op.create_index(
        "ix_media_waiting",
        "media",
        ["next_try_at"],
        unique=False,
        postgresql_where="state = 'waiting'",
    )
    op.execute(FETCH_EARLIER)
    op.drop_column("messages", "attachments")


def downgrade() -> None:
    """What was sent along is not known any more."""
    op.add_column(
        "messages",
        sa.Column(
            "attachments",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
        ),
    )
    op.alter_column("messages", "attachments", server_default=None)
    op.drop_index("ix_media_waiting", table_name="media")
    op.drop_index(op.f("ix_media_tenant_id"), table_name="media")
    op.drop_table("media")
