"""A profile as a form: places as ``IPC-1, OBR-18``, words as lines ``HUY = CA``; errors stand beside their fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ris_core.errors import InvalidValue
from ris_core.intake.profile import DEFAULT_PROFILE, Profile, profile_from
from ris_webapp.screens.profiles.labels import PLACES, WORDS

PLAIN = (
    "description",
    "undeclared_charset",
    "patient.default_issuer",
    "patient.name_order",
    "queries",
    "contradicting_merges",
)
LISTS = ("message_types", "patient.identifiers")


@dataclass(frozen=True, slots=True)
class Entered:
    """What stands in the form, and what is wrong with it; ``profile`` is none when something is."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    profile: Profile | None = None


def shown(content: Mapping[str, Any]) -> Entered:
    """The form of a stored profile; what it leaves to the default is empty."""
    values = {path: _inline(_at(content, path)) for path in _place_paths()}
    values |= {path: str(_at(content, path) or "") for path in PLAIN}
    values["message_types"] = _inline(content.get("message_types"))
    values["patient.identifiers"] = "\n".join(
        " ".join(filter(None, (one["place"], one.get("kind"), one.get("issuer"))))
        for one in _at(content, "patient.identifiers") or ()
    )
    for name in WORDS:
        table = _at(content, f"words.{name}") or {}
        values[f"words.{name}"] = "\n".join(f"{word} = {meaning}" for word, meaning in table.items())
    return Entered(values, content=dict(content))


def entered(data: Mapping[str, str]) -> Entered:
    """What a person has typed; every field is read, so that each can say what is wrong with it."""
    values = {path: data.get(path, "").replace("\r\n", "\n").strip() for path in paths()}
    errors: dict[str, str] = {}
    content: dict[str, Any] = {}
    for path, text in values.items():
        if not text:
            continue
        try:
            value = _parsed(path, text)
            part: dict[str, Any] = {}
            _set(part, path, value)
            profile_from(part)
            _set(content, path, value)
        except InvalidValue as error:
            errors[path] = error.detail
    if errors:
        return Entered(values, errors, content)
    return Entered(values, errors, content, profile_from(content))


def paths() -> list[str]:
    """The names of all fields."""
    return [*PLAIN, *LISTS, *_place_paths(), *(f"words.{name}" for name in WORDS)]


def default_of(path: str) -> str:
    """What counts when a field of places is left empty."""
    part, _dot, name = path.partition(".")
    return ", ".join(map(str, getattr(getattr(DEFAULT_PROFILE, part), name)))


def _place_paths() -> list[str]:
    return [f"{part}.{name}" for part, names in PLACES.items() for name in names]


def _parsed(path: str, text: str) -> Any:
    if path in PLAIN:
        return text
    if path == "patient.identifiers":
        return [_identifier(line) for line in text.splitlines() if line.strip()]
    if path.startswith("words."):
        return dict(_word(path, line) for line in text.splitlines() if line.strip())
    if text == "-" and path != "message_types":
        return []  # nowhere, also not where the default would look
    return [one for one in re.split(r"[\s,;]+(?![^\[]*\])", text) if one]


def _identifier(line: str) -> dict[str, str]:
    place, *rest = line.split(None, 2)
    return {"place": place, **dict(zip(("kind", "issuer"), rest, strict=False))}


def _word(path: str, line: str) -> tuple[str, Any]:
    word, equals, meaning = (part.strip() for part in line.partition("="))
    if not (word and equals):
        raise InvalidValue(f"{line[:40]!r}: write each word as WORD = MEANING", field=path)
    return word, int(meaning) if path == "words.pregnancy" and meaning.isdecimal() else meaning


def _inline(values: Any) -> str:
    return "-" if values == [] else ", ".join(values or ())


def _at(content: Mapping[str, Any], path: str) -> Any:
    value: Any = content
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _set(content: dict[str, Any], path: str, value: Any) -> None:
    *parts, last = path.split(".")
    for part in parts:
        content = content.setdefault(part, {})
    content[last] = value
