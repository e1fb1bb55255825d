"""Identifiers of FHIR, in and out: numbers told apart by their system (:mod:`ris_core.identifier_systems`)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from django.conf import settings

from ris_core.errors import InvalidValue
from ris_core.identifier_systems import base, order_system, patient_system
from ris_core.identifiers import PatientIdentifier

__all__ = ["base", "identifier", "order_system", "patient_identifier", "patient_system", "type_code"]

TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
DICOM_UID: Final = "urn:dicom:uid"
LONGEST_ISSUER: Final = 64
"""Characters: cut off, two systems that begin alike would become one, and their patients too."""
EXAM_STATES: Final = "urn:quang:exam-state"


def patient_identifier(identifier: dict[str, Any], facility: str) -> PatientIdentifier:
    """The number that an Identifier is.

    :raises InvalidValue: without a value, or with one that devices cannot hold
    """
    value, system = str(identifier.get("value", "")).strip(), str(identifier.get("system", ""))
    coded = type_code(identifier)
    if not value:
        raise InvalidValue("an identifier needs a value", field="Patient.identifier.value")
    if system == settings.QUANG.fhir.citizen_id_system:
        return PatientIdentifier(value, "VN", "NI")
    if system == settings.QUANG.fhir.insurance_card_system:
        return PatientIdentifier(value, "VN", "HC")
    prefix = f"{base()}:patient:"
    if system.startswith(prefix):
        issuer, _, kind = system.removeprefix(prefix).partition(":")
        issuer = unquote(issuer) if issuer != "-" else ""
        if len(issuer) > LONGEST_ISSUER or len(kind) > 16:
            raise InvalidValue(
                f"an issuer has at most {LONGEST_ISSUER} characters, a kind 16", field="Patient.identifier.system"
            )
        return PatientIdentifier(value, issuer, kind or "MR")
    if len(system) > LONGEST_ISSUER or len(coded) > 16:
        raise InvalidValue(
            f"a system has at most {LONGEST_ISSUER} characters here, a type 16; send {prefix}… and the issuer",
            field="Patient.identifier.system",
        )
    issuer = system or ("VN" if coded in ("NI", "HC") else facility)
    return PatientIdentifier(value, issuer, coded or "MR")


def type_code(identifier: dict[str, Any]) -> str:
    """The code of HL7 table 0203 that an Identifier gives as its type; empty when it gives none."""
    for coding in identifier.get("type", {}).get("coding", []):
        if coding.get("code"):
            return str(coding["code"])
    return ""


def identifier(system: str, value: str, kind: str, **more: Any) -> dict[str, Any]:
    """An Identifier of HL7 table 0203's ``kind``."""
    return {"type": {"coding": [{"system": TYPES, "code": kind}]}, "system": system, "value": value, **more}
