"""What a launch asks for in the words of IHE Invoke Image Display (RAD TF-2 4.106.4.1.2). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ris_core.access.signing import TokenRefused
from ris_core.errors import InvalidValue
from ris_core.identifiers import AccessionNumber, StudyInstanceUID

MOST_NAMED: Final = 16
"""Studies or orders in one request; a viewer's link opens no more."""

_HOW_SHOWN: Final = frozenset({"viewerType", "diagnosticQuality", "keyImagesOnly"})
"""Understood and checked; there is one viewer, which shows all images at full quality."""
_STUDY: Final = (frozenset({"requestType", "studyUID"}), frozenset({"requestType", "accessionNumber"}))
_PATIENT: Final = frozenset({"requestType", "patientID"})
_OF_PATIENT: Final = frozenset(
    {
        "patientName", "patientBirthDate", "lowerDateTime", "upperDateTime", "mostRecentResults", "modalitiesInStudy",
    }
)  # fmt: skip
_VIEWER_TYPES: Final = frozenset({"IHE_BIR", "PATIENT", "STUDY"})
_BIRTH_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,3}", re.ASCII)
_MODALITY = re.compile(r"[A-Z0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDisplay:
    """Studies, orders or a patient; exactly one of the three is named."""

    study_uids: tuple[str, ...] = ()
    accession_numbers: tuple[str, ...] = ()
    patient_id: str = ""
    """The HIS's own number of the patient."""
    patient_issuer: str = ""
    birth_date: str = ""
    """``YYYYMMDD``; when it is told, it must be the patient's."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    most_recent: int = 0
    """How many of the patient's exams, the newest; 0: all."""
    modalities: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, str]) -> ImageDisplay:
        """What the keys of a request say.

        :raises TokenRefused: a value is none of its key
        """
        _refuse_unknown_ways(params)
        if "studyUID" in params:
            return cls(study_uids=tuple(map(_study_uid, _listed(params["studyUID"], "studyUID"))))
        if "accessionNumber" in params:
            numbers = _listed(params["accessionNumber"], "accessionNumber")
            return cls(accession_numbers=tuple(map(accession_number, numbers)))
        value, _, rest = params["patientID"].partition("^")
        if not 0 < len(value.strip()) <= 64:
            raise TokenRefused("launch names no patient", field="patientID")
        return cls(
            patient_id=value.strip(),
            # CX: value^check digit^scheme^issuer, whose first subcomponent is its name
            patient_issuer=rest.split("^")[2].split("&")[0].strip() if rest.count("^") >= 2 else "",
            birth_date=_matching(_BIRTH_DATE, params, "patientBirthDate", ""),
            not_before=_time(params, "lowerDateTime"),
            not_after=_time(params, "upperDateTime"),
            most_recent=int(_matching(_COUNT, params, "mostRecentResults", "0")),
            modalities=tuple(map(_modality, _listed(params.get("modalitiesInStudy", ""), "modalitiesInStudy", 0))),
        )

    def as_keys(self) -> dict[str, str]:
        """The keys of the request."""
        if self.study_uids:
            return {"requestType": "STUDY", "studyUID": ",".join(self.study_uids)}
        if self.accession_numbers:
            return {"requestType": "STUDY", "accessionNumber": ",".join(self.accession_numbers)}
        issuer = f"^^^{self.patient_issuer}" if self.patient_issuer else ""
        told = {
            "patientBirthDate": self.birth_date,
            "lowerDateTime": self.not_before.isoformat() if self.not_before else "",
            "upperDateTime": self.not_after.isoformat() if self.not_after else "",
            "mostRecentResults": str(self.most_recent) if self.most_recent else "",
            "modalitiesInStudy": ",".join(self.modalities),
        }
        keys = {"requestType": "PATIENT", "patientID": self.patient_id + issuer}
        return {**keys, **{key: value for key, value in told.items() if value}}


def refuse_other_display_keys(keys: Set[str], request_type: str | None) -> None:
    """:raises TokenRefused: a key is missing, or stands there that the request type does not have"""
    own = keys - _HOW_SHOWN
    if request_type == "STUDY" and own in _STUDY:
        return
    if request_type == "PATIENT" and own >= _PATIENT and own <= _PATIENT | _OF_PATIENT:
        return
    raise TokenRefused("launch has missing or unknown keys")


def accession_number(text: str) -> str:
    """Up to 128 characters: the HIS may name its own, longer number (domain invariant 5).

    :raises TokenRefused: it is none
    """
    try:
        return text.strip() if AccessionNumber.max_length < len(text) <= 128 else AccessionNumber(text)
    except InvalidValue as error:
        raise TokenRefused("launch names no accession number", field="accession") from error


def _refuse_unknown_ways(params: Mapping[str, str]) -> None:
    booleans = (params.get("diagnosticQuality", "true"), params.get("keyImagesOnly", "false"))
    if params.get("viewerType", "IHE_BIR") not in _VIEWER_TYPES or not {*booleans} <= {"true", "false"}:
        raise TokenRefused("launch asks for a way of showing that there is not", field="viewerType")


def _listed(text: str, key: str, fewest: int = 1) -> list[str]:
    """The values of a list with commas, each once."""
    values = list(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))
    if not fewest <= len(values) <= MOST_NAMED:
        raise TokenRefused(f"launch names {fewest} to {MOST_NAMED} values", field=key)
    return values


def _study_uid(text: str) -> str:
    try:
        return StudyInstanceUID(text)
    except InvalidValue as error:
        raise TokenRefused("launch names no study", field="studyUID") from error


def _modality(text: str) -> str:
    if not _MODALITY.fullmatch(text):
        raise TokenRefused("launch names no modality", field="modalitiesInStudy")
    return text


def _matching(form: re.Pattern[str], params: Mapping[str, str], key: str, otherwise: str) -> str:
    text = params.get(key, otherwise)
    if key in params and not form.fullmatch(text):
        raise TokenRefused(f"launch has no right {key}", field=key)
    return text


def _time(params: Mapping[str, str], key: str) -> datetime | None:
    """An xs:dateTime; without an offset it is UTC."""
    text = params.get(key)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise TokenRefused(f"launch has no right {key}", field=key) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
