"""Settings refuse what they do not know, and each key is documented with its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ris_core.errors import SettingsInvalid
from ris_core.settings import Settings, load_settings

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "quang.toml").write_text("[delivery]\nmax_attempts = 20\ntimeout_seconds = 7.5\n")
    settings = load_settings({"QUANG_HOME": str(tmp_path), "QUANG_DELIVERY__MAX_ATTEMPTS": "3"})
    assert (settings.delivery.max_attempts, settings.delivery.timeout_seconds) == (3, 7.5)


@pytest.mark.parametrize(
    ("file", "environment", "named"),
    [
        ("[delivery]\nmax_atempts = 3\n", {}, "max_atempts"),
        ("[deliveries]\nmax_attempts = 3\n", {}, "deliveries"),
        ("", {"QUANG_DELIVERY__MAX_ATEMPTS": "3"}, "max_atempts"),
        ("", {"QUANG_DELIVERY__MAX_ATTEMPTS": "many"}, "max_attempts"),
        ("[site]\nlanguage = 'fr'\n", {}, "language"),
        ("not toml", {}, "quang.toml"),
    ],
)
def test_what_is_unknown_or_of_the_wrong_type_is_named(
    tmp_path: Path, file: str, environment: dict[str, str], named: str
) -> None:
    (tmp_path / "quang.toml").write_text(file)
    with pytest.raises(SettingsInvalid, match=named):
        load_settings({"QUANG_HOME": str(tmp_path), **environment})


def test_a_missing_or_empty_secret_is_named(tmp_path: Path) -> None:
    settings = load_settings({"QUANG_HOME": str(tmp_path)})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "empty").write_text(" \n")
    for name in ("missing", "empty"):
        with pytest.raises(SettingsInvalid, match=name):
            settings.secret(name)


def keys_with_defaults() -> dict[str, str]:
    found = {}
    for section in msgspec.structs.fields(Settings):
        kind = next(iter(get_args(section.type)), section.type)  # of a list of blocks the block
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            for key in msgspec.structs.fields(kind):
                shown = {"True": "true", "False": "false", "": "empty", "()": "empty", "NODEFAULT": "required"}
                found[f"{section.name}.{key.name}"] = shown.get(str(key.default), str(key.default))
    return found


def test_the_reference_lists_every_key_with_its_default_and_no_other() -> None:
    rows = dict(
        re.findall(r"^\| `([a-z0-9_]+\.[a-z0-9_]+)` \| `([^`]*)` \|", REFERENCE.read_text(), flags=re.MULTILINE)
    )
    assert rows == keys_with_defaults()
