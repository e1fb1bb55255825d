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
    name: dict[str, str]
    purpose: dict[str, str]
    """Both by language, ``vi`` and ``en``."""
    content: dict[str, Any]


@cache
def ready_profiles() -> tuple[ReadyProfile, ...]:
    """All of them, by name of their files."""
    return tuple(map(_read, sorted(Path(__file__).parent.glob("*.toml"))))


def _read(path: Path) -> ReadyProfile:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return ReadyProfile(path.stem.replace("_", "-"), data["name"], data["purpose"], data["content"])
