"""What a signature binds: the words of one version, its place among the versions, and the images it is about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from ris_core.identifiers import PatientIdentifier
from ris_core.reports.exam import linked_study_uids
from ris_core.reports.models import Document, ReportVersion
from ris_core.reports.rules import Sections

FORM: Final = "urn:quang:signed-result:1"
"""Names the form of what is bound; also the XML namespace of the structured result."""


@dataclass(frozen=True, slots=True)
class KeyImage:
    """An image put on the report, by the hash of its bytes."""

    sop_instance_uid: str
    frame_number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Stated in the signed files and kept with the signature."""

    reading: str
    """The order's filler number and the reading's ordinal: the same in every system."""
    version: int
    status: str
    text_sha256: str
    """Of :meth:`ris_core.reports.rules.Sections.canonical_bytes`."""
    document_sha256: str
    """Of the printed report as it was before it was signed."""
    study_uids: tuple[str, ...]
    key_images: tuple[KeyImage, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"form": FORM, **asdict(self)}


@dataclass(frozen=True, slots=True)
class SignedResult:
    """A report version as it is stated in XML, with what it binds. Times are ISO 8601 with their offset."""

    binding: Binding
    site_name: str
    patient_name: str
    patient_identifiers: tuple[PatientIdentifier, ...]
    birth_date: str
    """As DICOM has it: ``YYYYMMDD``, ``YYYYMM``, ``YYYY`` or empty."""
    sex: str
    accession_number: str
    placer_order_number: str
    filler_order_number: str
    service_code: str
    service_coding_system: str
    service_name: str
    modality: str
    sections: Sections
    approver_username: str
    approver_name: str
    approved_at: str


def binding_of(version: ReportVersion, document: Document, key_images: tuple[KeyImage, ...] = ()) -> Binding:
    """What signing ``document`` of ``version`` binds."""
    reading = version.reading
    return Binding(
        reading=f"{reading.procedure.filler_order_number}|{reading.ordinal}",
        version=version.number,
        status=version.status,
        text_sha256=version.content_sha256,
        document_sha256=document.sha256,
        study_uids=linked_study_uids(reading.procedure),
        key_images=key_images,
    )


def signed_result_of(version: ReportVersion, binding: Binding, site_name: str) -> SignedResult:
    """The structured result of ``version``."""
    procedure = version.reading.procedure
    request, patient, approver = procedure.request, procedure.patient, version.approved_by
    return SignedResult(
        binding=binding,
        site_name=site_name,
        patient_name=patient.full_name,
        patient_identifiers=tuple(
            PatientIdentifier(row.value, row.issuer, row.kind)
            for row in patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "pk")
        ),
        birth_date=patient.birth_date,
        sex=patient.sex,
        accession_number=request.sent_accession_number or request.accession_number,
        placer_order_number=procedure.placer_order_number,
        filler_order_number=procedure.filler_order_number,
        service_code=procedure.service_code,
        service_coding_system=procedure.service_coding_system,
        service_name=procedure.service_name,
        modality=procedure.modality,
        sections=Sections.of(version),
        approver_username=approver.username,
        approver_name=f"{approver.title} {approver.full_name}".strip(),
        approved_at=version.approved_at.isoformat(timespec="seconds"),
    )
