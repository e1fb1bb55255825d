"""The registry of devices as a CSV file: taken out, edited by those who know the devices, and taken in again.

One line for each device, UTF-8 with a byte order mark (spreadsheets then know it), columns as in :data:`COLUMNS`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.devices.character_sets import UNICODE
from ris_core.devices.models import Device
from ris_core.devices.quirks import Quirks, WorklistFilter, as_json, read
from ris_core.devices.services import DeviceRegistration, change_device, register_device, registration_of
from ris_core.errors import InvalidValue
from ris_core.json_text import read_json

COLUMNS = (
    "ae_title", "name", "modality", "other_modalities", "host", "networks", "port", "room", "department", "groups",
    "character_set", "may_store", "may_query_worklist", "may_query", "may_retrieve", "may_commit",
    "may_call_plain", "certificate", "active", "quirks", "worklist_filter",
)  # fmt: skip
RIGHTS = tuple(name for name in COLUMNS if name.startswith("may_"))
MOST_BYTES = 1024 * 1024
MOST_DEVICES = 2000
_YES, _NO = frozenset({"1", "yes", "true", "x"}), frozenset({"0", "no", "false", ""})


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did."""

    added: int
    changed: int


class LineRefused(InvalidValue):
    """A line of the file cannot be a device; ``line`` counts from 1, the head being the first."""

    def __init__(self, line: int, error: InvalidValue) -> None:
        super().__init__(error.detail, field=error.field)
        self.line = line


def export_devices() -> str:
    """All devices as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for device in Device.objects.order_by("ae_title"):
        writer.writerow({name: _harmless(value) for name, value in _line(registration_of(device)).items()})
    return "\ufeff" + out.getvalue()


def import_devices(content: bytes, actor: Actor) -> Taken:
    """Add or replace each device of the file; all of it or nothing. Devices that are not in it stay as they are, and
    so does what a column that is not in it says of a known device: a list of addresses withdraws no filter, and puts
    no device that was withdrawn in use again.

    :raises LineRefused: when a line cannot be a device
    :raises InvalidValue: when the file is none, or too large
    """
    columns, registrations = _registrations(content)
    added = changed = 0
    with transaction.atomic():
        known = dict(Device.objects.values_list("ae_title", "pk"))
        for line, registration in enumerate(registrations, start=2):
            try:
                if registration.ae_title in known:
                    former = registration_of(Device.objects.get(pk=known[registration.ae_title]))
                    wanted = replace(former, **{name: getattr(registration, name) for name in columns})
                    if wanted != former:
                        change_device(known[registration.ae_title], wanted, actor)
                        changed += 1
                else:
                    register_device(registration, actor)
                    added += 1
            except InvalidValue as error:
                raise LineRefused(line, error) from error
        record(actor, "device.imported", added=added, changed=changed)
    return Taken(added, changed)


def _line(registration: DeviceRegistration) -> dict[str, str]:
    line = {name: str(getattr(registration, name)) for name in COLUMNS}
    for name in (*RIGHTS, "active"):
        line[name] = "yes" if getattr(registration, name) else "no"
    line["other_modalities"] = " ".join(registration.other_modalities)
    line["groups"] = "; ".join(registration.groups)
    for name in ("quirks", "worklist_filter"):
        line[name] = json.dumps(as_json(getattr(registration, name)), ensure_ascii=False)
    return line


def _harmless(value: str) -> str:
    """What a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value


def _registrations(content: bytes) -> tuple[Sequence[str], list[DeviceRegistration]]:
    """The columns that the file has, and a registration for each line."""
    if len(content) > MOST_BYTES:
        raise InvalidValue("the file is larger than a megabyte", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValue("save the file as CSV in UTF-8", field="file") from error
    try:
        reader = csv.DictReader(io.StringIO(text), delimiter=";" if text.split("\n")[0].count(";") > 3 else ",")
        if missing := {"ae_title", "name"} - set(reader.fieldnames or ()):
            raise InvalidValue(f"the first line must name the columns; missing: {', '.join(missing)}", field="file")
        if unknown := set(reader.fieldnames or ()) - set(COLUMNS):
            raise InvalidValue(f"unknown columns: {', '.join(sorted(map(str, unknown)))}", field="file")
        lines = list(reader)
    except csv.Error as error:
        raise InvalidValue("the file is not CSV", field="file") from error
    if len(lines) > MOST_DEVICES:
        raise InvalidValue(f"at most {MOST_DEVICES} devices in one file", field="file")
    found = []
    for number, line in enumerate(lines, start=2):
        try:
            found.append(_registration(line))
        except InvalidValue as error:
            raise LineRefused(number, error) from error
    return reader.fieldnames or (), found


def _registration(line: dict[str, Any]) -> DeviceRegistration:
    said = {name: str(value or "").strip().removeprefix("'") for name, value in line.items() if name in COLUMNS}
    values: dict[str, Any] = {
        name: said[name] for name in ("modality", "room", "department", "networks", "certificate") if name in said
    }
    for name in COLUMNS:
        if name.startswith(("may_", "active")) and said.get(name):
            values[name] = _tick(name, said[name])
    return DeviceRegistration(
        ae_title=said["ae_title"],
        name=said["name"],
        host=said.get("host") or "127.0.0.1",
        port=_port(said.get("port") or "104"),
        other_modalities=tuple(said.get("other_modalities", "").split()),
        groups=tuple(filter(None, (name.strip() for name in said.get("groups", "").split(";")))),
        character_set=said.get("character_set") or UNICODE,
        quirks=read(Quirks, _json(said.get("quirks"), "quirks"), "quirks"),
        worklist_filter=read(WorklistFilter, _json(said.get("worklist_filter"), "worklist_filter"), "worklist_filter"),
        **values,
    )


def _tick(name: str, value: str) -> bool:
    if value.lower() not in _YES | _NO:
        raise InvalidValue("say yes or no", field=name)
    return value.lower() in _YES


def _port(value: str) -> int:
    if not value.isdecimal() or len(value) > 5:
        raise InvalidValue("a port is a number from 1 to 65535", field="port")
    return int(value)


def _json(value: str | None, field: str) -> Any:
    return read_json(value or "{}", field=field)
