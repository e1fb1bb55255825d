"""The licence policy: what a package is under, and whether that may be in Quang."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Final

from ris_suite.materials.component import Component

POLICY: Final = Path(__file__).with_name("licences.toml")


class NotAnExpression(ValueError):
    """A text that is no SPDX licence expression."""


@dataclass(frozen=True)
class Policy:
    """The content of ``licences.toml``."""

    allowed: frozenset[str]
    allowed_for_tools: frozenset[str]
    texts: Mapping[str, str]
    classifiers: Mapping[str, str]
    stated: Mapping[str, str]
    refused_sections: frozenset[str]
    debian_stated: Mapping[str, str]

    @classmethod
    def read(cls, path: Path = POLICY) -> Policy:
        data = tomllib.loads(path.read_text())
        return cls(
            allowed=frozenset(data["allowed"]),
            allowed_for_tools=frozenset(data["allowed"]) | frozenset(data["allowed_for_tools"]),
            texts=data["texts"],
            classifiers=data["classifiers"],
            stated=data["stated"],
            refused_sections=frozenset(data["debian"]["refused_sections"]),
            debian_stated=data["debian"]["stated"],
        )

    def of_python_package(self, name: str, metadata: Message | None) -> str | None:
        """The SPDX expression of a package by its metadata (PEP 639, else what was usual before); none: not known.

        What is stated by hand comes first: it was written because the metadata say less.
        """
        if name in self.stated:
            return self.stated[name]
        if metadata is None:
            return None
        if expression := metadata.get("License-Expression"):
            return str(expression)
        text = str(metadata.get("License") or "").strip()
        if text in self.texts:
            return self.texts[text]
        if _is_expression(text, self.allowed_for_tools):
            return text
        found = {
            self.classifiers.get(classifier)
            for classifier in metadata.get_all("Classifier") or []
            if classifier.startswith("License :: ") and classifier.count("::") > 1
        }
        return found.pop() if len(found) == 1 else None

    def faults(self, components: Iterable[Component]) -> Iterator[str]:
        """One line for each package that may not be in Quang, or of which it is not known whether it may."""
        for component in components:
            where = f"{component.name} {component.version} ({component.where or component.part})"
            if component.licence_names:
                continue  # of Debian's main, which was asked when it was read
            if component.licence is None:
                yield f"{where}: its licence is not known; read it and name it in {POLICY.name}"
                continue
            allowed = self.allowed if component.part.shipped else self.allowed_for_tools
            try:
                fits = allows(component.licence, allowed)
            except NotAnExpression:
                yield f"{where}: {component.licence!r} is no SPDX expression; name its licence in {POLICY.name}"
                continue
            if not fits:
                yield f"{where}: {component.licence} is not among the allowed licences of {POLICY.name}"


def allows(expression: str, allowed: frozenset[str]) -> bool:
    """Whether what is under ``expression`` may be used: of ``OR`` one side is enough, of ``AND`` both are needed.

    :raises NotAnExpression: it is none (SPDX 2.3, annex D)
    """
    words = re.findall(r"[()]|[^\s()]+", expression)
    fits = _alternatives(words, allowed)
    if words:
        raise NotAnExpression(expression)
    return fits


def _alternatives(words: list[str], allowed: frozenset[str]) -> bool:
    fits = _conjunction(words, allowed)
    while words and words[0] == "OR":
        words.pop(0)
        fits = _conjunction(words, allowed) or fits
    return fits


def _conjunction(words: list[str], allowed: frozenset[str]) -> bool:
    fits = _licence(words, allowed)
    while words and words[0] == "AND":
        words.pop(0)
        fits = _licence(words, allowed) and fits
    return fits


def _licence(words: list[str], allowed: frozenset[str]) -> bool:
    if not words:
        raise NotAnExpression("it ends too early")
    word = words.pop(0)
    if word == "(":
        fits = _alternatives(words, allowed)
        if not words or words.pop(0) != ")":
            raise NotAnExpression("a bracket is not closed")
        return fits
    if word in ("AND", "OR", "WITH", ")") or not re.fullmatch(r"[A-Za-z0-9.+-]+", word):
        raise NotAnExpression(word)
    if words and words[0] == "WITH":  # an exception permits more than the licence does
        words.pop(0)
        if not words or not re.fullmatch(r"[A-Za-z0-9.-]+", words.pop(0)):
            raise NotAnExpression("an exception is not named")
    return word in allowed


def _is_expression(text: str, known: frozenset[str]) -> bool:
    """Of known licences only: of free text the first word may look like a licence."""
    try:
        return bool(text) and allows(text, known)
    except NotAnExpression:
        return False
