"""Gathers from the database what a signature of a report version binds."""

from __future__ import annotations

from ris_core.identifiers import PatientIdentifier
from ris_core.reports.exam import linked_study_uids
from ris_core.reports.models import Document, ReportVersion
from ris_core.reports.texts import content_of
from ris_core.signatures.binding import Binding, KeyImage, SignedResult


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
        content=content_of(version),
        approver_username=approver.username,
        approver_name=f"{approver.title} {approver.full_name}".strip(),
        approved_at=version.approved_at.isoformat(timespec="seconds"),
    )
