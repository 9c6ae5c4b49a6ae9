"""Structured logs, one JSON object a line, or coloured lines in a terminal."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from paywon.base.redaction import redact, redact_trouble

_TROUBLE: Final = frozenset({"event", "exception", "error"})


def set_up_logging(level: str, *, human: bool, alone: bool = True) -> None:
    """Send structlog and the standard library's logs to standard error, redacted (I13).

    ``alone`` False, in a host's process: only our own, and not if the host has set structlog up as it wants it.
    """
    if not alone and structlog.is_configured():
        return
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if human
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    if not alone:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)), force=True)

    # While PostgreSQL is away, the pool would print a stack trace a second; who needed it says so once.
    logging.getLogger("asyncpg.pool").setLevel(logging.CRITICAL)


def _redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Of what went wrong somewhere below, PostgreSQL may quote whole rows.
    return {
        name: redact_trouble(value) if isinstance(value, str) and name in _TROUBLE else redact({name: value})[name]
        for name, value in event.items()
    }
