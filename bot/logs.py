"""Structured logs. Ids, counts and codes only: no text, name, number or address of anyone."""

from __future__ import annotations

import logging

import structlog

from bot import metrics
from bot.settings import settings


def set_up_logs(part: str) -> None:
    """Once a process, by what it is ("web", "worker", "clock"). Lines of libraries come out in
    the same form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        metrics.count_errors(part),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings().log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings().log_level)
    # RQ and the SDKs log arguments and bodies below this
    noisy_ones = "rq twilio urllib3 pyactiveresource apscheduler hubspot alembic openai httpx2"
    for noisy in noisy_ones.split():
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def log() -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.get_logger("coccinelle")
    return bound
