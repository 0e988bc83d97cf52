"""People who sign in to the desk, and the tenants whose desk they work at."""

from __future__ import annotations

from sqlalchemy import ForeignKey, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.models.base import Base, Id, When, one_of


class User(Base):
    __tablename__ = "users"

    id: Mapped[Id]
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)  # lower case
    password_hash: Mapped[str]
    language: Mapped[str] = mapped_column(default="fr")
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[When]
    signed_in_at: Mapped[When | None]


class Membership(Base):
    """A user's role at a tenant: "adviser" answers, "owner" also configures."""

    __tablename__ = "memberships"
    __table_args__ = (one_of("role", "owner", "adviser"),)

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(default="adviser")


def user_by_email(db: Session, email: str) -> User | None:
    return db.scalar(select(User).where(User.email == func.lower(email), User.is_active))
