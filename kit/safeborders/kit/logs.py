"""Structured logs that carry codes and identifiers of ours, never content.

Only the keys on the allow-list are written; anything else is dropped, so that a careless call cannot leak a record.
"""

import logging
import sys
from typing import Any

import structlog

ALLOWED_KEYS = frozenset(
    {
        "event", "level", "timestamp", "part", "code", "country", "run", "round", "sequence", "state", "port",
        "process", "pid", "exit_code", "seconds", "bytes", "version", "task", "reason", "sha256", "status", "trace",
        "origin", "witness", "size", "seen", "cosigned", "by",  # of an audit log: its name, its rows, who signed
    }
)  # fmt: skip


def keep_allowed_keys(_logger: object, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop every key of ``entry`` that is not on the allow-list."""
    return {key: value for key, value in entry.items() if key in ALLOWED_KEYS}


def set_up_logs(*, json: bool = True, level: int = logging.INFO) -> None:
    """Write log lines to standard error, as JSON or for a person's eye; called once per process."""
    shape: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed_keys,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def get_log(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of the part called ``name``."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return log
