"""What a device does otherwise than the standard, and which scheduled steps it is shown: typed data, with versions.

Kept as JSON with the device; an unknown word in it is an error and not ignored.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar, get_args

import msgspec

from ris_core.errors import InvalidValue

QueryKey = Literal[
    "AccessionNumber", "Modality", "PatientID", "PatientName", "RequestedProcedureID",
    "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "ScheduledStationAETitle",
    "StudyInstanceUID",
]  # fmt: skip
ReturnedAttribute = Literal[
    "AccessionNumber", "PatientID", "PatientName", "RequestedProcedureID", "StudyDescription", "StudyID"
]
QUERY_KEYS: Final[tuple[str, ...]] = get_args(QueryKey)
"""Keys of a worklist query that a device may be known to send wrongly."""
RETURNED_ATTRIBUTES: Final[tuple[str, ...]] = get_args(ReturnedAttribute)
"""Attributes of images that a device may be known to cut."""

StepStatus = Literal["SCHEDULED", "ARRIVED", "READY", "STARTED"]
Length = Annotated[int, msgspec.Meta(ge=1, le=64)]
Days = Annotated[int, msgspec.Meta(ge=0, le=366)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """How one device behaves. The defaults are a device that does what PS3.4 annex K says."""

    version: Literal[1] = 1
    wants_ascii: bool = False
    """It is sent names and texts without accents, whatever its character set."""
    max_name_length: Length | None = None
    """Patient names are cut to so many characters for it."""
    ignored_query_keys: tuple[QueryKey, ...] = ()
    """Keys of its queries that mean nothing: always the installation's date, a host name as station."""
    names_match_from_start: bool = False
    """It sends the beginning of a name without an asterisk and means all names that begin so."""
    returned_lengths: dict[ReturnedAttribute, Length] = {}
    """Attributes that it sends back cut, and after how many characters."""


class WorklistFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Which scheduled steps a device is shown, whatever it asks for. The defaults are: what it may do, and no other."""

    version: Literal[1] = 1
    stations: Literal["own", "group", "any"] = "own"
    """Steps for its own title and those for no particular device; also those for devices of its groups; or all."""
    by_modality: bool = True
    """Of the steps that do not name it, only those of its modalities."""
    rooms: tuple[Name, ...] = ()
    """Only steps in these rooms and those without a room; none: in every room."""
    departments: tuple[Name, ...] = ()
    """Only steps that these departments have requested; none: any department."""
    statuses: tuple[StepStatus, ...] = ()
    """Only steps in these states (``ARRIVED``: the patient is here); none: every state that the worklist has."""
    days_before: Days | None = None
    """Only steps from so many days ago; none: however old."""
    days_after: Days | None = None
    """Only steps up to so many days ahead; none: however far."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    """The most answers that it copes with; the most urgent come first. None: the suite's own limit."""


Kept = TypeVar("Kept", Quirks, WorklistFilter)


def read(kind: type[Kept], data: Any, field: str) -> Kept:
    """``data`` (JSON) as ``kind``.

    :raises InvalidValue: for an unknown word or a value that cannot be, naming where
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidValue(str(error), field=field) from error


def as_json(kept: Quirks | WorklistFilter) -> dict[str, Any]:
    """As kept in the database and exported: only what differs from the defaults, and the version."""
    return {"version": kept.version, **msgspec.json.decode(msgspec.json.encode(kept))}
