"""The kinds of master data that are kept here, each with its table and what may be said of an entry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.db import models

from ris_core.catalogue.models import Department, Room, Staff
from ris_core.devices.models import ImagingService


class EntryKind(StrEnum):
    """A list of master data."""

    SERVICE = "service"
    DEPARTMENT = "department"
    ROOM = "room"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Table:
    """Where entries of a kind are kept.

    :param fields: beside code, coding system and name, in the order in which screens and files have them
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    required: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of a file of this kind."""
        return ("code", "coding_system", "name", *self.fields, "active")

    def limit(self, field: str) -> int | None:
        """The most characters that ``field`` holds; none where it is a number."""
        column = self.model._meta.get_field(field)
        return column.max_length if isinstance(column, models.CharField) else None


TABLES: dict[EntryKind, Table] = {
    EntryKind.SERVICE: Table(
        ImagingService,
        ("modality", "body_part", "default_device", "minimum_minutes", "usual_films"),
        frozenset({"modality"}),
    ),
    EntryKind.DEPARTMENT: Table(Department, ()),
    EntryKind.ROOM: Table(Room, ("department_code",)),
    EntryKind.STAFF: Table(Staff, ("kind", "title", "department_code")),
}
"""One line for a kind."""
