"""``pytest -p ris_testing.only_database_tests``: leaves out unit tests that use no database, so that a second run of
all on another database plays only what may differ there."""

from __future__ import annotations

from typing import Final

import pytest

_FIXTURES: Final = frozenset({"db", "transactional_db"})


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those left out are counted as deselected."""
    left_out = [item for item in items if not _uses_database(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _uses_database(item)]


def _uses_database(item: pytest.Item) -> bool:
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & _FIXTURES)
