"""Patient, out and in."""

from __future__ import annotations

from typing import Any

from fhir.resources.R4B.patient import Patient as PatientModel

from ris_core.errors import InvalidValue
from ris_core.patients.models import Patient
from ris_core.patients.rules import PatientDetails
from ris_webapp.api.answers import dashed
from ris_webapp.api.shapes import person_name
from ris_webapp.fhir.outcome import checked, valid
from ris_webapp.fhir.systems import TYPES, patient_identifier, patient_system

_GENDERS = {"M": "male", "F": "female", "O": "other", "": "unknown"}
_MOST_NUMBERS = 20
_SEXES = {gender: sex for sex, gender in _GENDERS.items()}


def patient_resource(patient: Patient) -> dict[str, Any]:
    """The patient; merged ones say into whom."""
    in_use = [number for number in patient.identifiers.all() if number.retired_at is None]
    family, _, given = patient.dicom_name.partition("=")[0].partition("^")
    resource: dict[str, Any] = {
        "resourceType": "Patient",
        "id": str(patient.pk),
        "meta": {"lastUpdated": patient.updated_at.isoformat()},
        "active": patient.merged_into_id is None,
        "identifier": [
            {
                "use": "official" if number.is_primary else "secondary",
                "type": {"coding": [{"system": TYPES, "code": number.kind}]},
                "system": patient_system(number.kind, number.issuer),
                "value": number.value,
            }
            for number in sorted(in_use, key=lambda number: (not number.is_primary, number.pk))
        ],
        "name": [
            {"use": "official", "text": patient.full_name, "family": family, "given": given.replace("^", " ").split()}
        ],
        "gender": _GENDERS[patient.sex],
    }
    if not resource["name"][0]["given"]:
        del resource["name"][0]["given"]
    if not resource["identifier"]:
        del resource["identifier"]
    if patient.birth_date:
        resource["birthDate"] = dashed(patient.birth_date)
    if patient.phone:
        resource["telecom"] = [{"system": "phone", "value": patient.phone}]
    if patient.address:
        resource["address"] = [{"text": patient.address}]
    if patient.merged_into_id:
        resource["link"] = [{"other": {"reference": f"Patient/{patient.merged_into_id}"}, "type": "replaced-by"}]
    return valid(PatientModel, resource)


def read_patient(body: object, facility: str) -> PatientDetails:
    """What a program tells of a patient; what it leaves out is not changed.

    :raises BodyInvalid, InvalidValue: naming what is wrong
    """
    resource = checked(PatientModel, body)
    if resource.get("active") is False or resource.get("link"):
        raise InvalidValue(
            "records are neither merged nor closed here; send ADT^A40, or have a person merge them",
            field="Patient.link" if resource.get("link") else "Patient.active",
        )
    if len(resource.get("identifier", [])) > _MOST_NUMBERS:
        raise InvalidValue(f"at most {_MOST_NUMBERS} identifiers", field="Patient.identifier")
    if not isinstance(resource.get("birthDate", ""), str):
        raise InvalidValue("a date is a text", field="Patient.birthDate")
    numbers = [patient_identifier(each, facility) for each in resource.get("identifier", [])]
    if not numbers:
        raise InvalidValue("a patient needs an identifier", field="Patient.identifier")
    names = resource.get("name", [])
    name = next((each for each in names if each.get("use") == "official"), names[0] if names else {})
    family = str(name.get("family", ""))
    text = str(name.get("text", "")) or " ".join([family, *name.get("given", [])])
    full_name, dicom_name = person_name(text, family)
    if len(full_name) > 64:
        raise InvalidValue("devices hold names of at most 64 characters", field="Patient.name")
    gender = resource.get("gender")
    if gender is not None and gender not in _SEXES:
        raise InvalidValue(f"gender is one of {', '.join(_SEXES)}", field="Patient.gender")
    phones = [each.get("value", "") for each in resource.get("telecom", []) if each.get("system") == "phone"]
    addresses = [_address(each) for each in resource.get("address", [])]
    return PatientDetails(
        identifiers=tuple(sorted(dict.fromkeys(numbers), key=lambda number: number.kind != "MR")),
        full_name=full_name,
        dicom_name=dicom_name,
        birth_date=resource["birthDate"].replace("-", "") if "birthDate" in resource else None,
        sex=_SEXES[gender] if gender else None,
        phone=phones[0][:64] if phones else None,
        address=addresses[0][:255] if addresses else None,
    )


def _address(address: dict[str, Any]) -> str:
    parts = [*address.get("line", []), *(address.get(name, "") for name in ("district", "city", "state"))]
    return str(address.get("text", "")) or ", ".join(part for part in parts if part)
