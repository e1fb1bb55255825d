"""The threat model and the self-check name tests that there are, and leave no row without a proof or a word why."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("threat-model.md", "security-self-check.md")
_DEFINED = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_NAMED = re.compile(r"`(test_\w+)`")
_HONEST = ("not met", "no part of the suite")


@cache
def _tests() -> frozenset[str]:
    folders = ("plugins", "ris-webapp/ris_suite", "ris-webapp/ris_webapp", "integration-tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("test_*.py")]
    return frozenset(name for path in files for name in _DEFINED.findall(path.read_text(encoding="utf-8")))


def _rows(document: str) -> list[list[str]]:
    """The rows of every table whose last column says what shows it."""
    rows, proved = [], False
    for line in (ROOT / "docs" / document).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            proved = False
        elif cells[-1] == "shown by":
            proved = True
        elif proved and not set(cells[-1]) <= {"-"}:
            rows.append(cells)
    return rows


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_is_named_exists(document: str) -> None:
    named = set(_NAMED.findall((ROOT / "docs" / document).read_text(encoding="utf-8")))
    assert len(named) > 40
    assert named - _tests() == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_row_is_shown_by_a_test_or_says_that_it_is_not_met(document: str) -> None:
    rows = _rows(document)
    assert len(rows) > 30
    for cells in rows:
        assert _NAMED.search(cells[-1]) or cells[-1].startswith(_HONEST), cells[0]


def test_each_section_says_whether_it_is_met() -> None:
    met = [cells[1] for cells in _rows("security-self-check.md") if cells[0].startswith("V")]
    assert set(met) == {"yes", "in part", "no"}
