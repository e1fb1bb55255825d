"""Segments as they are written: text is data, and cannot become structure."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.hl7.separators import Separators

Component = str
Field = str | tuple[Component, ...] | list[tuple[Component, ...]]
"""A field's text, its components, or its repetitions. Text is data: it is escaped when it is written."""


@dataclass(frozen=True, slots=True)
class ReplySegment:
    """One segment of an answer; ``fields[0]`` is field 1."""

    name: str
    fields: tuple[Field, ...]

    def write(self, separators: Separators) -> str:
        """The segment without its end, in the asker's separators."""
        written = [_field(field, separators) for field in self.fields]
        return separators.field.join([self.name, *written]).rstrip(separators.field)


def _field(field: Field, separators: Separators) -> str:
    if isinstance(field, str):
        return separators.escaped(field)
    if isinstance(field, tuple):
        return separators.component.join(map(separators.escaped, field)).rstrip(separators.component)
    return separators.repetition.join(_field(repetition, separators) for repetition in field)
