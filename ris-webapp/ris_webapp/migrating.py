"""Migrations take the time they need: an index of a table with years of rows takes longer than any question may.

Only a lock that somebody else keeps is not waited for without end: the migration fails, and can be begun again.
"""

from __future__ import annotations

from typing import Any

from django.db import connections


def limit_locks_only(using: str = "default", **_signal: Any) -> None:
    """For Django's ``pre_migrate``."""
    _for_this_connection(using, "SET statement_timeout = 0; SET lock_timeout = '30s'")


def limit_as_usual(using: str = "default", **_signal: Any) -> None:
    """For Django's ``post_migrate``."""
    _for_this_connection(using, "RESET statement_timeout; RESET lock_timeout")


def _for_this_connection(using: str, statements: str) -> None:
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(statements)
