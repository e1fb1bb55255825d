"""What the engine answers, as values, and how what it writes is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ris_core.identifiers import OrthancId

USER_METADATA = re.compile(r"[1-9][0-9]{3,4}")
"""The numbers of the metadata that users and programs set."""


@dataclass(frozen=True, slots=True)
class EngineStudy:
    """A study as it is in the engine now; two patients under one StudyInstanceUID are two of these."""

    orthanc_id: OrthancId
    study_instance_uid: str
    series_ids: tuple[OrthancId, ...]
    instance_count: int
    modalities: tuple[str, ...]
    is_stable: bool
    """No image has come for a while (Orthanc's ``StableAge``)."""
    last_update: datetime
    main_tags: Mapping[str, str]
    """Keyword → text: patient and study attributes as the engine read them."""


@dataclass(frozen=True, slots=True)
class EngineSeries:
    orthanc_id: OrthancId
    series_instance_uid: str
    modality: str
    instance_ids: tuple[OrthancId, ...]
    number: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class EngineInstance:
    """An instance with what is attached to it beside the file."""

    orthanc_id: OrthancId
    series_id: OrthancId
    sop_instance_uid: str
    labels: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Only what users and programs have added, by its number."""
    number: str = ""
    """Instance Number, as the file says."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a study has, by its DICOM identifiers."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One instance of a study, with what one needs to make a picture of it."""

    orthanc_id: OrthancId
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    columns: int
    """0: the object has no pixels."""
    rows: int
    frame_count: int
    transfer_syntax_uid: str = ""


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What storing one file did."""

    orthanc_id: OrthancId
    study_id: OrthancId
    already_stored: bool


@dataclass(frozen=True, slots=True)
class EngineChange:
    """One entry of the engine's own journal (``/changes``)."""

    sequence: int
    kind: str
    resource_type: str
    orthanc_id: OrthancId


@dataclass(frozen=True, slots=True)
class ChangesPage:
    changes: tuple[EngineChange, ...]
    last_sequence: int
    """Where to go on reading."""
    done: bool


def added_metadata(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Only what users and programs have added."""
    return {name: str(value) for name, value in metadata.items() if USER_METADATA.fullmatch(name)}


def whole_number(text: object) -> int:
    """An Integer String; 0 for one that is none."""
    digits = str(text or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def engine_time(text: str) -> datetime:
    """Orthanc writes UTC as ``20261121T205900``."""
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
