"""What the address of a page of rows asks for: a box, filters, a page, the row that is opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self
from urllib.parse import urlencode

from ris_webapp.numbers import whole_number

MOST_PAGES = 10_000
LONGEST = 128
"""Characters of a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Every state worth sharing is in the address; a page's own filters are fields of a class of its own."""

    PARAMETERS: ClassVar[Mapping[str, str]] = {"query": "q", "opened": "open"}
    """Parameters that have another name than their field."""
    CHOICES: ClassVar[Mapping[str, Collection[str]]] = {}
    """Fields that have one of these values, or their default."""

    box: str = ""
    query: str = ""
    page: int = 1
    opened: int | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Tolerant: an unknown value is the default."""
        said = {name: parameters.get(parameter, "").strip()[:LONGEST] for name, parameter in cls._parameters().items()}
        texts = {
            name: value
            for name, value in said.items()
            if name not in ("page", "opened") and value and value in cls.CHOICES.get(name, (value,))
        }
        page = max(1, min(whole_number(said["page"]) or 1, MOST_PAGES))
        return cls(page=page, opened=whole_number(said["opened"]), **texts)

    def parts(self) -> dict[str, str | int | None]:
        """The values by their parameters."""
        return {parameter: getattr(self, name) for name, parameter in self._parameters().items()}

    def address(self, **changed: str | int | None) -> str:
        """The same with some parameters changed; what is as by default is left out."""
        defaults = type(self)().parts()
        parts = {**self.parts(), **changed}
        return "?" + urlencode({name: value for name, value in parts.items() if value and value != defaults[name]})

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        defaults = type(self)().parts()
        return any(value != defaults[name] for name, value in self.parts().items() if name not in ("page", "open"))

    @classmethod
    def _parameters(cls) -> dict[str, str]:
        return {field.name: cls.PARAMETERS.get(field.name, field.name) for field in fields(cls)}
