"""One noun a file: its table and its named queries, first argument the tenant.

Queries that work for all tenants at once (what waits, what is due) say so.
"""

from bot.models import (  # noqa: F401  # all tables known to the metadata
    catalogue,
    clock,
    consents,
    conversations,
    customers,
    deliveries,
    effects,
    escalations,
    knowledge,
    labels,
    media,
    messages,
    model_calls,
    notifications,
    ratings,
    reminders,
    reservations,
    templates,
    tenants,
    users,
    watches,
    wishes,
)
from bot.models.base import Base

__all__ = ["Base"]
