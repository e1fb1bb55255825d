"""Looks up a registered device as the worklist and the mapping need it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ris_core.devices.character_sets import CODECS, UNICODE
from ris_core.devices.models import Device
from ris_core.devices.quirks import Quirks, WorklistFilter, read
from ris_core.devices.rules import RegisteredDevice
from ris_core.statements import Param, Select

_find_device = Select(
    Device.objects.filter(ae_title=Param("ae_title")).values_list(
        "modality", "other_modalities", "may_query_worklist", "may_store", "active", "character_set", "quirks",
        "worklist_filter",
    )
)  # fmt: skip
_find_neighbours = Select(
    Device.objects.filter(active=True, groups__devices__ae_title=Param("ae_title"))
    .exclude(ae_title=Param("ae_title"))
    .order_by("ae_title")
    .values_list("ae_title")
    .distinct()
)


def registered_device(ae_title: str) -> RegisteredDevice | None:
    """The device with this title, also one that is no longer in use; none when nobody has registered it.

    :raises django.db.DatabaseError: when the registry cannot be read
    """
    row = _find_device.row(ae_title=ae_title)
    if row is None:
        return None
    modality, others, may_query_worklist, may_store, active, character_set, quirks, worklist_filter = row
    found_quirks, filtered = parsed(quirks, worklist_filter)
    return RegisteredDevice(
        ae_title=ae_title,
        modalities=tuple(dict.fromkeys(f"{modality} {others}".split())),
        may_query_worklist=may_query_worklist,
        may_store=may_store,
        active=active,
        character_set=character_set if character_set in CODECS else UNICODE,
        quirks=found_quirks,
        worklist_filter=filtered,
        group_ae_titles=neighbours_of(ae_title) if filtered.stations == "group" else (),
    )


def neighbours_of(ae_title: str) -> tuple[str, ...]:
    """AE titles of the other active devices of its groups: they do each other's work."""
    return tuple(title for (title,) in _find_neighbours.rows(ae_title=ae_title))


def parsed(quirks: Any, worklist_filter: Any) -> tuple[Quirks, WorklistFilter]:
    """The two JSON columns of a device as what they are.

    :raises InvalidValue: when somebody has written there what cannot be
    """
    return _quirks(_key(quirks)), _filter(_key(worklist_filter))


def _key(data: Any) -> str:
    return json.dumps(data, sort_keys=True) if data else "{}"


@lru_cache(maxsize=1024)
def _quirks(text: str) -> Quirks:
    return read(Quirks, json.loads(text), "quirks")


@lru_cache(maxsize=1024)
def _filter(text: str) -> WorklistFilter:
    return read(WorklistFilter, json.loads(text), "worklist_filter")
