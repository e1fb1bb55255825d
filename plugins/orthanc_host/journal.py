"""Structured log lines into the engine's log, one JSON object each, without patient data.

Only what is named goes in: an event, and values that the caller chose. Of an error's own text nothing is logged unless
its class is known to say nothing of a person (ours, the operating system's, a lost database); of the others only where
it happened.
"""

from __future__ import annotations

import json
import logging
import traceback
from typing import Protocol

from django.db import InterfaceError, OperationalError

from ris_core.errors import QuangError

_TELLING = (OSError, OperationalError, InterfaceError, ImportError, NotImplementedError)


class LogSink(Protocol):
    """Where lines go: Orthanc's log, or a list in tests."""

    def info(self, line: str) -> None: ...
    def warning(self, line: str) -> None: ...
    def error(self, line: str) -> None: ...


class Journal:
    """Writes events as JSON lines."""

    def __init__(self, sink: LogSink) -> None:
        self._sink = sink

    def info(self, event: str, **values: object) -> None:
        self._sink.info(_line(event, values))

    def warning(self, event: str, **values: object) -> None:
        self._sink.warning(_line(event, values))

    def failure(self, event: str, error: BaseException, **values: object) -> None:
        """An error: what, where, and its text only when its class cannot carry patient data."""
        self._sink.error(_line(event, values | describe(error)))


class JournalHandler(logging.Handler):
    """The standard library's loggers (Django's, the domain's) into the journal: the message and its place.

    A record's arguments are logged as they were formatted: our code logs no patient data, and Django's loggers are
    heard from WARNING up.
    """

    def __init__(self, sink: LogSink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        values: dict[str, object] = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1]:
            values |= describe(record.exc_info[1])
        write = self._sink.info
        if record.levelno >= logging.ERROR:
            write = self._sink.error
        elif record.levelno >= logging.WARNING:
            write = self._sink.warning
        write(_line("log", values))


def describe(error: BaseException) -> dict[str, object]:
    """What may be logged of an error."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    told: dict[str, object] = {
        "error": type(error).__name__,
        "at": [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, QuangError):
        told |= {"code": error.code, "detail": error.detail, "field": error.field}
    elif isinstance(error, _TELLING):
        told["detail"] = str(error).strip()
    return told


def _line(event: str, values: dict[str, object]) -> str:
    return json.dumps({"event": event, **values}, ensure_ascii=False, default=str)
