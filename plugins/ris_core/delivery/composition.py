"""Gathers what a result's message says: the order as the HIS sent it, the version, its document and the viewer link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings

from ris_core.delivery.key_images import key_images_of
from ris_core.delivery.layout import Part, layout_of
from ris_core.delivery.models import Delivery, Receiver
from ris_core.delivery.result import Interpreter, Recalled, Result, Section
from ris_core.delivery.rules import sequence_of
from ris_core.delivery.segments import Party
from ris_core.delivery.signed import recalled, signed_file
from ris_core.identifiers import PatientIdentifier
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.exam import linked_study_uids, observed_at, viewer_url
from ris_core.reports.models import Document, ReportVersion
from ris_core.reports.rendering import texts_of, titles_of
from ris_core.reports.texts import content_of, usual_titles
from ris_core.settings import Settings
from ris_core.signatures.rules import FileKind


def exam_facts(procedure: RequestedProcedure, receiver: Receiver, control_id: str, now: datetime) -> dict[str, Any]:
    """The fields of :class:`~ris_core.delivery.segments.ExamMessage`."""
    settings: Settings = django_settings.QUANG
    request, visit = procedure.request, procedure.request.visit
    return {
        "control_id": control_id,
        "composed_at": now,
        "hl7_version": receiver.hl7_version,
        "sender": Party(settings.hl7.application, settings.hl7.facility),
        "receiver": Party(receiver.application, receiver.facility),
        "patient_identifiers": tuple(
            PatientIdentifier(row.value, row.issuer, row.kind)
            for row in procedure.patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "pk")
        ),
        "patient_name": procedure.patient.dicom_name,
        "birth_date": procedure.patient.birth_date,
        "sex": procedure.patient.sex,
        "patient_class": visit.patient_class if visit else "",
        "ward": visit.ward if visit else "",
        "visit_number": visit.visit_number if visit else "",
        "visit_issuer": visit.issuer if visit else "",
        "placer_order_number": procedure.placer_order_number,
        "filler_order_number": procedure.filler_order_number,
        "accession_number": request.sent_accession_number or request.accession_number,
        "requested_procedure_id": procedure.requested_procedure_id,
        "service_code": procedure.service_code,
        "service_name": procedure.service_name,
        "service_coding_system": procedure.service_coding_system,
        "modality": procedure.modality,
        "ordering_physician": request.requesting_physician,
    }


def result_of(delivery: Delivery, now: datetime, settings: Settings) -> Result:
    """What a delivery says; its document has been made, unless it is a recall.

    :raises InvalidValue: the receiver's layout is none
    """
    return result_for(delivery.receiver, delivery.version, delivery.kind, delivery.control_id, now, settings)


def result_for(
    receiver: Receiver,
    version: ReportVersion,
    kind: str,
    control_id: str,
    now: datetime,
    settings: Settings,
    *,
    test: bool = False,
) -> Result:
    """What ``receiver`` would be told of a version, or of its recall.

    :raises InvalidValue: the receiver's layout is none
    """
    procedure = version.reading.procedure
    zone = ZoneInfo(settings.site.time_zone)
    approver = version.approved_by
    study_uids = linked_study_uids(procedure)
    until = now + timedelta(hours=settings.access.result_link_hours)
    void = recalled(version) if kind == Delivery.Kind.RECALL else None
    document = Document.objects.filter(version=version, kind=Document.Kind.PDF).first()
    layout = layout_of(receiver.layout)
    wants_images = not void and {Part.IMAGES, Part.IMAGE_LINKS} & set(layout.parts)
    former, original = _known_versions(receiver, version)
    return Result(
        **exam_facts(procedure, receiver, control_id, now),
        observed_at=observed_at(procedure).astimezone(zone),
        status=version.status,
        approved_at=version.approved_at.astimezone(zone),
        interpreter=Interpreter(approver.username, approver.full_name, approver.title),
        sections=_sections(version),
        study_uids=study_uids,
        viewer_url=viewer_url(procedure, version, study_uids, receiver.code, until, settings),
        pdf=signed_file(version.pk) or (bytes(document.content) if document else b""),
        signed_xml=(signed_file(version.pk, FileKind.XML) or b"") if Part.SIGNED_XML in layout.parts else b"",
        images=key_images_of(version, receiver.code, until, settings) if wants_images else (),
        reading_ordinal=version.reading.ordinal,
        version_number=version.number,
        former_number=former,
        original_number=original,
        recalled=Recalled(void.reason, void.recalled_at.astimezone(zone)) if void else None,
        test=test,
        layout=layout,
    )


def _known_versions(receiver: Receiver, version: ReportVersion) -> tuple[int, int]:
    """The version that the receiver has when it gets this one (0: none that counts), and the first one since the last
    recall."""
    earlier = Delivery.objects.filter(
        receiver=receiver, reading_id=version.reading_id, sequence__lt=sequence_of(version.number)
    )
    former, original = 0, 0
    # by time: what was void because its signature was withdrawn counts again when it is signed again
    for kind, number, seen in earlier.order_by("queued_at", "sequence").values_list(
        "kind", "version__number", "possibly_seen"
    ):
        if kind == Delivery.Kind.RECALL:
            former, original = 0, 0
        elif seen:
            former, original = number, original or number
    return former, original or version.number


def _sections(version: ReportVersion) -> tuple[Section, ...]:
    """The sections with text, and those without that an earlier version sent."""
    sent_before: dict[str, str] = {}
    for row in ReportVersion.objects.filter(reading_id=version.reading_id, number__lt=version.number).order_by(
        "number"
    ):
        earlier = content_of(row)
        titles = titles_of(earlier, usual_titles())
        sent_before |= {name: titles[name] for name, text in texts_of(earlier).items() if text}
    content = content_of(version)
    texts, titles = texts_of(content), titles_of(content, usual_titles())
    present = tuple(Section(name, text, titles[name]) for name, text in texts.items() if text or name in sent_before)
    return present + tuple(Section(name, "", title) for name, title in sent_before.items() if name not in texts)
