"""Log lines of the web app and the worker: what failed and where, never whose data it was.

An error's own text may quote what it failed on, and an address may hold a token or an exam's key: of an error its type
and place are written, of a request its method and the pattern of its address.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

_FRAMES = 6


class NamelessFormatter(logging.Formatter):
    """One line for each record."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {_told(record)}"
        error = record.exc_info[1] if record.exc_info else None
        return line if error is None else f"{line}: {_place_of(error)}"


def _told(record: logging.LogRecord) -> str:
    request = getattr(record, "request", None)
    if request is None:
        return record.getMessage()
    match = getattr(request, "resolver_match", None)
    route = match.route if match else "(no such address)"
    return f"HTTP {getattr(record, 'status_code', '?')} {getattr(request, 'method', '?')} /{route}"


def _place_of(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return type(error).__name__ + "".join(f" < {Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"nameless": {"()": "ris_webapp.logs.NamelessFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "nameless"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        # what a person does wrong (4xx, a wrong password) is in the audit trail
        "django": {"handlers": [], "level": "ERROR", "propagate": True},
        "axes": {"level": "ERROR"},
        "ris_core": {"level": "INFO"},
        "ris_webapp": {"level": "INFO"},
    },
}
