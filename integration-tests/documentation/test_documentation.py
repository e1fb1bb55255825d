"""What the documents claim about the repository holds: links, commands, error codes, and what is not to be in it."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE_ROW = re.compile(r"^\| `(QUANG-\d{4})` \| `(\w+)` \|", re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = [target for target in LINK.findall(document.read_text()) if "://" not in target]
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_make_command_in_the_documents_exists() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {
        word
        for document in DOCUMENTS
        for command in re.findall(r"(?:`|^)make ((?:[a-z-]+[ `])+)", document.read_text(), re.MULTILINE)
        for word in command.rstrip("` ").split()[:1]
    }
    assert used
    assert used <= known


def test_the_readme_s_two_commands_are_the_first_it_names() -> None:
    readme = (ROOT / "README.md").read_text()
    assert re.findall(r"^make (\w+)", readme, re.MULTILINE)[:2] == ["demo", "test"]


def error_codes() -> Iterator[tuple[str, str]]:
    """(code, class) of every error that the sources define."""
    for folder in ("plugins", "ris-webapp"):
        for path in (ROOT / folder).rglob("*.py"):
            if "tests" in path.parts or "node_modules" in path.parts or "QUANG-" not in path.read_text():
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.ClassDef):
                    continue
                for line in node.body:
                    if isinstance(line, ast.Assign) and [ast.unparse(name) for name in line.targets] == ["code"]:
                        yield ast.literal_eval(line.value), node.name


def test_every_error_code_means_one_thing_and_is_listed() -> None:
    defined = sorted(error_codes())
    codes = [code for code, _ in defined]
    assert len(codes) == len(set(codes))
    listed = CODE_ROW.findall((ROOT / "docs" / "error-codes.md").read_text())
    assert listed == defined


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md")]
    assert sorted(numbers) == sorted(set(numbers))
    for path in (ROOT / "docs" / "adr").glob("*.md"):
        text = path.read_text()
        assert all(part in text for part in ("Status:", "## Context", "## Decision", "## Consequences")), path.name


def test_no_secret_and_no_foreign_address_is_in_the_repository() -> None:
    """Keys in PEM form, and addresses of content delivery networks (everything a page loads is our own)."""
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            "BEGIN [A-Z ]*PRIVATE KEY|https?://[a-z.]*(jsdelivr|unpkg|cdnjs|googleapis)",
            "--",
            ".",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    assert [line for line in found if "test_documentation.py" not in line] == []
