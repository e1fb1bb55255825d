"""Who may send what to which address: ``addresses.tsv``, read for the tests that walk every address."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from inspect import unwrap
from pathlib import Path
from typing import Any, Final

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from ris_core.accounts.rules import Function

TABLE: Final = Path(__file__).with_name("addresses.tsv")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


_READ: Final = re.compile(r"""(?:GET|POST|entered|asked|parameters|said)(?:\.get|\.getlist)?[([]["'](\w+)["']""")
_FIELD: Final = re.compile(r"""^    (\w+) = forms\.\w+\(""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Address:
    """A line of the table."""

    name: str
    methods: frozenset[str]
    functions: frozenset[Function] | None
    """Of these one must be had; none of them: whoever has logged in; None: anyone."""

    def allows(self, had: frozenset[Function]) -> bool:
        """Whether somebody who has logged in and has these functions gets in."""
        return not self.functions or bool(self.functions & had)


def _read(line: str) -> Address:
    name, methods, who = line.split("\t")
    functions = (
        None if who == "anyone" else frozenset(map(Function, who.split())) if who != "logged_in" else frozenset()
    )
    return Address(name, frozenset(METHODS if methods == "*" else methods.split()), functions)


ADDRESSES: Final = {
    address.name: address for address in map(_read, (s for s in TABLE.read_text().splitlines() if s[:1] != "#"))
}


def patterns(resolver: URLResolver | None = None, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address that the web app has, by its full name."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from patterns(entry, f"{entry.namespace}:" if entry.namespace else namespace)
        else:
            yield f"{namespace}{entry.name}", entry


PATTERNS: Final = dict(patterns())


def path_of(name: str, **known: Any) -> str:
    """An address with the ids in ``known``, and else with ids that nothing has."""
    arguments: dict[str, Any] = {
        argument: "x" if kind.regex == "[^/]+" or "a-z" in kind.regex.lower() else 999_999
        for argument, kind in PATTERNS[name].pattern.converters.items()
    }
    for group in PATTERNS[name].pattern.regex.groupindex:
        arguments.setdefault(group, "9")  # addresses that are regular expressions: UIDs
    return reverse(name, kwargs={**arguments, **known})


@cache
def _read_in(folder: Path) -> tuple[str, ...]:
    files = [*folder.rglob("*.py"), *Path(__file__).resolve().parents[1].glob("*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files if "tests" not in file.parts]
    return tuple(sorted({name for text in texts for form in (_READ, _FIELD) for name in form.findall(text)}))


def parameters_of(name: str) -> tuple[str, ...]:
    """Every name that some view or form of an address's screen, or what all screens share, reads."""
    view = sys.modules[unwrap(PATTERNS[name].callback).__module__]
    return _read_in(Path(str(view.__file__)).parent)
