"""Profiles to start from: layouts that hospital systems commonly have, one TOML file each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadyProfile:
    """A profile that can be copied."""

    code: str
    name: str
    purpose: str
    """The file's opening comment."""
    content: dict[str, Any]


@cache
def ready_profiles() -> tuple[ReadyProfile, ...]:
    """All of them, by name of their files."""
    return tuple(map(_read, sorted(Path(__file__).parent.glob("*.toml"))))


def _read(path: Path) -> ReadyProfile:
    text = path.read_text(encoding="utf-8")
    data = tomllib.loads(text)
    comment = [line.removeprefix("#").strip() for line in text.split("\n\n")[0].splitlines() if line.startswith("#")]
    return ReadyProfile(path.stem.replace("_", "-"), data["name"], " ".join(comment), data["content"])
