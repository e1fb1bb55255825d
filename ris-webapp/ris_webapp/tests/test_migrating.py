"""Migrations of a hospital's tables are not cut off by the time limit of questions (P20)."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db


def test_statements_of_a_migration_take_the_time_they_need() -> None:
    with CaptureQueriesContext(connection) as captured:
        call_command("migrate", verbosity=0)
    said = [query["sql"] for query in captured if "statement_timeout" in query["sql"]]
    wanted = [
        "SET statement_timeout = 0; SET lock_timeout = '30s'",
        "RESET statement_timeout; RESET lock_timeout",
    ]
    assert list(dict.fromkeys(said)) == (wanted if connection.vendor == "postgresql" else [])  # once for each app
