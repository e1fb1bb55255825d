"""Keep master data up to date: by a person, a file or a message. Entries are withdrawn, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import models

from ris_core.audit.services import Actor, record
from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.models import Staff
from ris_core.changes.services import announce
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.rules import DICOM_MODALITIES

_MOST_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is said of one entry; a value that is not named stays as it is."""

    kind: EntryKind
    code: str
    coding_system: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    """``name`` and the fields of the kind's table, as text."""
    active: bool | None = None
    """None: as it is; a new one is active."""
    must_exist: bool = False
    source: str = "RIS"


class Saved(StrEnum):
    """What became of an entry."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


def save_entry(entry: Entry, actor: Actor) -> Saved:
    """Add or change one entry, in the caller's transaction.

    :raises InvalidValue: naming the value that is missing, too long, or none that the field can have
    :raises NotFound: it must exist and does not
    """
    table = TABLES[entry.kind]
    code = entry.code.strip()
    if not code:
        raise InvalidValue("an entry needs a code", field="code")
    said = {"code": code, "coding_system": entry.coding_system.strip(), **_checked(entry)}
    for name in ("code", "coding_system"):
        _fits(entry.kind, name, str(said[name]))
    rows: models.Manager[models.Model] = table.model._default_manager
    row = rows.select_for_update().filter(code=code, coding_system=said["coding_system"]).first()
    if row is None and entry.must_exist:
        raise NotFound("there is no entry with this code", field="code")
    if row is None:
        missing = [name for name in ("name", *sorted(table.required)) if not said.get(name)]
        if missing:
            raise InvalidValue(f"a new entry needs its {missing[0]}", field=missing[0])
    saved = Saved.CHANGED if row else Saved.ADDED
    row = row or table.model()
    if entry.active is not None:
        said["active"] = entry.active
    changed = sorted(name for name, value in said.items() if getattr(row, name) != value)
    if saved is Saved.CHANGED and not changed:
        return Saved.UNCHANGED
    if hasattr(row, "source"):
        said["source"] = entry.source
    for name, value in said.items():
        setattr(row, name, value)
    row.save()
    record(actor, f"catalogue.{saved}", subject=f"{entry.kind}:{row.pk}", fields=changed)
    announce("catalogue", row.pk)
    return saved


def _checked(entry: Entry) -> dict[str, object]:
    """The said values as the table has them."""
    table = TABLES[entry.kind]
    checked: dict[str, object] = {}
    for name, text in entry.values.items():
        value = text.strip()
        if name not in ("name", *table.fields):
            raise InvalidValue(f"{name} is nothing that this list has", field=name)
        if name in ("name", *table.required) and not value:
            raise InvalidValue(f"the {name} cannot be empty", field=name)
        checked[_column(name)] = _value(entry.kind, name, value)
    return checked


def _column(name: str) -> str:
    return "default_device_id" if name == "default_device" else name


def _value(kind: EntryKind, name: str, value: str) -> object:
    if name == "default_device":
        return _device_id(value)
    if name == "minimum_minutes":
        if value and not (value.isdecimal() and len(value) <= 5 and int(value) <= _MOST_MINUTES):
            raise InvalidValue("minutes are a whole number up to 1440", field=name)
        return int(value or 0)
    if name == "usual_films":
        if value and not (value.isdecimal() and len(value) <= 2):
            raise InvalidValue("films are a whole number up to 99", field=name)
        return int(value or 0)
    if name == "modality" and value not in DICOM_MODALITIES:
        raise InvalidValue("a modality is a DICOM code such as CT, MR or US", field=name)
    if name == "kind" and value not in Staff.Kind.values:
        raise InvalidValue(f"a kind of staff is one of {', '.join(Staff.Kind.values)}", field=name)
    _fits(kind, name, value)
    return value


def _device_id(ae_title: str) -> int | None:
    if not ae_title:
        return None
    found = Device.objects.filter(ae_title=ae_title).values_list("pk", flat=True).first()
    if found is None:
        raise InvalidValue("there is no device with this AE title", field="default_device")
    return found


def _fits(kind: EntryKind, name: str, value: str) -> None:
    limit = TABLES[kind].limit(name)
    if (limit is not None and len(value) > limit) or any(ord(character) < 32 for character in value):
        raise InvalidValue(f"the {name} has at most {limit} characters, in one line", field=name)
