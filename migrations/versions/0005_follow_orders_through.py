"""Follow orders through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_effects_waiting", table_name="effects")
    op.create_index(
        "ix_effects_waiting", "effects", ["next_try_at"], postgresql_where="state = 'planned'"
    )
    op.create_table(
        "labels",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("sku", sa.String(), nullable=False),
        sa.Column("parcel_number", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
            name=op.f("fk_labels_tenant_id_tenants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint(
            "tenant_id", "order_number", "sku", name=op.f("uq_labels_tenant_id_order_number_sku")
        ),
    )
    op.create_index(op.f("ix_labels_tenant_id"), "labels", ["tenant_id"], unique=False)
    op.create_table(
        "wishes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("size", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'told', 'dropped')", name=op.f("ck_wishes_state")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_wishes_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_wishes_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
            name=op.f("fk_wishes_tenant_id_tenants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wishes")),
    )
    op.create_index(
        "ix_wishes_due",
        "wishes",
        ["next_look_at"],
        unique=False,
        postgresql_where="state = 'waiting'",
    )
    op.create_index(op.f("ix_wishes_conversation_id"), "wishes", ["conversation_id"], unique=False)
    op.create_index(op.f("ix_wishes_customer_id"), "wishes", ["customer_id"], unique=False)
    op.create_index(op.f("ix_wishes_tenant_id"), "wishes", ["tenant_id"], unique=False)
    op.create_index(
        "uq_wishes_waiting",
        "wishes",
        ["tenant_id", "customer_id", "reference", "size"],
        unique=True,
        postgresql_where="state = 'waiting'",
    )
    op.create_table(
        "ratings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("turn_id", sa.BigInteger(), nullable=True),
        sa.Column("score", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_ratings_score")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_ratings_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_ratings_customer_id_customers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
            name=op.f("fk_ratings_tenant_id_tenants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_ratings_turn_id_turns"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
    )
    op.create_index(
        op.f("ix_ratings_conversation_id"), "ratings", ["conversation_id"], unique=False
    )
    op.create_index(op.f("ix_ratings_customer_id"), "ratings", ["customer_id"], unique=False)
    op.create_index(op.f("ix_ratings_tenant_id"), "ratings", ["tenant_id"], unique=False)
    op.create_table(
        "watches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("conversation_id", sa.BigInteger(), nullable=False),
        sa.Column("spare_id", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("order_number", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("alert_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('watching', 'alerted', 'arrived', 'ended')", name=op.f("ck_watches_state")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_watches_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["spare_id"],
            ["reservations.id"],
            name=op.f("fk_watches_spare_id_reservations"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"],
            ["tenants.id"],
            name=op.f("fk_watches_tenant_id_tenants"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watches")),
    )
    op.create_index(
        op.f("ix_watches_conversation_id"), "watches", ["conversation_id"], unique=False
    )
    op.create_index(
        "ix_watches_due",
        "watches",
        ["next_look_at"],
        unique=False,
        postgresql_where="state IN ('watching', 'alerted')",
    )
    op.create_index(op.f("ix_watches_tenant_id"), "watches", ["tenant_id"], unique=False)
    op.create_index(
        "uq_watches_number",
        "watches",
        ["tenant_id", "number"],
        unique=True,
        postgresql_where="state IN ('watching', 'alerted')",
    )


def downgrade() -> None:
    op.drop_index("ix_effects_waiting", table_name="effects")
    op.create_index(
        "ix_effects_waiting",
        "effects",
        ["next_try_at"],
        postgresql_where="state = 'planned' AND kind = 'release'",
    )
    op.drop_index(
        "uq_watches_number",
        table_name="watches",
        postgresql_where="state IN ('watching', 'alerted')",
    )
    op.drop_index(op.f("ix_watches_tenant_id"), table_name="watches")
    op.drop_index(
        "ix_watches_due", table_name="watches", postgresql_where="state IN ('watching', 'alerted')"
    )
    op.drop_index(op.f("ix_watches_conversation_id"), table_name="watches")
    op.drop_table("watches")
    op.drop_index(op.f("ix_ratings_tenant_id"), table_name="ratings")
    op.drop_index(op.f("ix_ratings_customer_id"), table_name="ratings")
    op.drop_index(op.f("ix_ratings_conversation_id"), table_name="ratings")
    op.drop_table("ratings")
    op.drop_index("uq_wishes_waiting", table_name="wishes", postgresql_where="state = 'waiting'")
    op.drop_index(op.f("ix_wishes_tenant_id"), table_name="wishes")
    op.drop_index(op.f("ix_wishes_customer_id"), table_name="wishes")
    op.drop_index(op.f("ix_wishes_conversation_id"), table_name="wishes")
    op.drop_index("ix_wishes_due", table_name="wishes", postgresql_where="state = 'waiting'")
    op.drop_table("wishes")
    op.drop_index(op.f("ix_labels_tenant_id"), table_name="labels")
    op.drop_table("labels")
