"""Migrations take the time they need: an index of a table with years of rows takes longer than any question may."""

from __future__ import annotations

from typing import Any

from django.db import connections


def without_time_limit(using: str = "default", **_signal: Any) -> None:
    """For Django's ``pre_migrate``."""
    _for_this_connection(using, "SET statement_timeout = 0")


def with_time_limit_again(using: str = "default", **_signal: Any) -> None:
    """For Django's ``post_migrate``."""
    _for_this_connection(using, "RESET statement_timeout")


def _for_this_connection(using: str, statement: str) -> None:
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute(statement)
