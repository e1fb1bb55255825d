"""``pytest -p ris_testing.one_database``: shares the unit tests out between runs on PostgreSQL and on SQLite.

PostgreSQL, which hospitals have, gets every test that asks a database; SQLite those that ask none, those marked
``once``, and those of packages that write SQL for each database.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import pytest
from django.db import connection

_FIXTURES: Final = frozenset({"db", "transactional_db"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those that the other run plays are counted as deselected."""
    on_postgresql = connection.vendor == "postgresql"
    played = [item for item in items if (_for_postgresql(item) if on_postgresql else _for_sqlite(item))]
    chosen = set(played)
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = played


def _for_postgresql(item: pytest.Item) -> bool:
    return _asks_database(item) and item.get_closest_marker("once") is None


def _for_sqlite(item: pytest.Item) -> bool:
    return not _for_postgresql(item) or _writes_for_each_database(item.path.parent.parent)


def _asks_database(item: pytest.Item) -> bool:
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & _FIXTURES)


@cache
def _writes_for_each_database(package: Path) -> bool:
    return any(".vendor" in module.read_text(encoding="utf-8") for module in package.glob("*.py"))
