"""Documents made from report versions: rendered once, kept with their hash, stored in the study. For the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings as django_settings
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.services import send_owed
from ris_core.engine.answers import StoredInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.jobs.services import enqueue
from ris_core.key_images.versions import ReturnedImage, images_of
from ris_core.print_layouts.choosing import layout_of
from ris_core.print_layouts.models import VersionLayout
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.reports.arranging import STORE_ATTEMPTS, arrange_in_study, counts
from ris_core.reports.encapsulated import ReportIdentity, encapsulated_pdf
from ris_core.reports.exam import observed_at, printed_viewer_url
from ris_core.reports.models import Document, ReportVersion
from ris_core.reports.sheet import PrintedImage, ReportSheet, render_pdf
from ris_core.reports.texts import content_of
from ris_core.settings import Settings
from ris_core.studies.models import StudyLink

WORKER = Actor("worker")


def run_render_document(subject_id: str) -> None:
    """The job ``render_document``: make a version's PDF; then have it stored in the study and sent to receivers."""
    document = ensure_document(int(subject_id))
    with transaction.atomic():
        if not document.orthanc_instance_id:
            enqueue("store_document", document.pk, max_attempts=STORE_ATTEMPTS)
        send_owed(document.version_id)


def after_render_died(subject_id: str, _error: str) -> None:
    """Deliveries go on: each tries to make the document itself, and shows the error where people look."""
    send_owed(int(subject_id))


def ensure_document(version_id: int) -> Document:
    """The PDF of a report version, made when there is none yet.

    Two that make it at the same time make the same bytes, and one of them is kept.

    :raises DocumentNotMade, DocumentTooLarge: it cannot be printed
    """
    existing = Document.objects.filter(version_id=version_id, kind=Document.Kind.PDF).first()
    if existing is not None:
        return existing
    version = ReportVersion.objects.select_related(
        "reading__procedure__request", "reading__procedure__patient", "approved_by"
    ).get(pk=version_id)
    sheet = sheet_of(version, django_settings.QUANG)
    content = _printed_as_bound(version, sheet)
    document, _ = Document.objects.get_or_create(
        version=version,
        kind=Document.Kind.PDF,
        defaults={"content": content, "sha256": hashlib.sha256(content).hexdigest()},
    )
    return document


def _printed_as_bound(version: ReportVersion, sheet: ReportSheet) -> bytes:
    """In the layout that was bound at approval. When what somebody wrote in it cannot be printed, in what its form
    says: a result is not kept from a patient by a template. Which it was is kept, and shown beside the layout."""
    layout = layout_of(version)
    try:
        return render_pdf(sheet, layout.design, layout.pictures)
    except LayoutFaulty as error:
        fault = error.detail[:500]
    content = render_pdf(sheet, msgspec.structs.replace(layout.design, template="", style=""), layout.pictures)
    VersionLayout.objects.filter(version=version).update(fault=fault)
    record(
        WORKER, "report.printed_plainly", subject=f"reading:{version.reading_id}",
        patient_id=version.reading.procedure.patient_id, version=version.number, fault=fault,
    )  # fmt: skip
    return content


def recalled_pdf(version: ReportVersion, recalled_at: datetime) -> bytes:
    """A version that counts no more, in the layout that it is bound to, marked on every page; kept nowhere.

    :raises DocumentNotMade, DocumentTooLarge: it cannot be printed
    """
    settings: Settings = django_settings.QUANG
    at = recalled_at.astimezone(ZoneInfo(settings.site.time_zone))
    sheet = replace(sheet_of(version, settings), recalled_at=at, viewer_url="")
    layout = layout_of(version)
    try:
        return render_pdf(sheet, layout.design, layout.pictures)
    except LayoutFaulty:
        return render_pdf(sheet, msgspec.structs.replace(layout.design, template="", style=""), layout.pictures)


def sheet_of(version: ReportVersion, settings: Settings) -> ReportSheet:
    """What is printed of a version."""
    procedure = version.reading.procedure
    request, patient, approver = procedure.request, procedure.patient, version.approved_by
    zone = ZoneInfo(settings.site.time_zone)
    primary = patient.identifiers.filter(retired_at__isnull=True).order_by("-is_primary", "pk").first()
    return ReportSheet(
        language=settings.site.language,
        site_name=settings.site.name,
        department=settings.site.department,
        site_address=settings.site.address,
        site_phone=settings.site.phone,
        patient_name=patient.full_name,
        patient_id=primary.value if primary else "",
        birth_date=_shown_date(patient.birth_date),
        sex=patient.sex,
        accession_number=request.sent_accession_number or request.accession_number,
        service_name=procedure.service_name,
        ordering_physician=request.requesting_physician,
        ordering_department=request.requesting_department,
        indication=request.clinical_indication,
        observed_at=observed_at(procedure).astimezone(zone),
        status=version.status,
        version_number=version.number,
        content=content_of(version),
        approver=f"{approver.title} {approver.full_name}".strip(),
        approved_at=version.approved_at.astimezone(zone),
        viewer_url=printed_viewer_url(version, settings),
        verify_url=f"{settings.public_url.rstrip('/')}/verify/",
        key_images=printed(images_of(version.pk)) if version.pk else (),
    )


def printed(images: Sequence[ReturnedImage]) -> tuple[PrintedImage, ...]:
    """Key images as they stand on the sheet."""
    return tuple(PrintedImage(image.jpeg, image.sha256, image.caption) for image in images)


def identity_of(
    version: ReportVersion, *, content_sha256: str, signed: bool = False, recalled: bool = False
) -> ReportIdentity:
    """What makes one of a version's objects the same at every repeat."""
    procedure, zone = version.reading.procedure, ZoneInfo(django_settings.QUANG.site.time_zone)
    return ReportIdentity(
        reading_key=f"{procedure.filler_order_number}|{version.reading.ordinal}",
        version_number=version.number,
        content_sha256=content_sha256,
        status=version.status,
        approved_at=version.approved_at.astimezone(zone),
        signed=signed,
        recalled=recalled,
    )


def store_pdf(
    version: ReportVersion, content: bytes, *, content_sha256: str, signed: bool = False, recalled: bool = False
) -> StoredInstance:
    """Store a PDF of ``version`` as Encapsulated PDF in the study first linked to its exam; the same file twice is one.

    :param content_sha256: of what tells this object from others of the version
    :param recalled: it is the notice that the version counts no more
    :raises NotWorthRepeating: the exam has no linked images (any more), or the engine has lost them
    """
    procedure = version.reading.procedure
    link = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).order_by("linked_at", "pk").first()
    if link is None:
        raise NotWorthRepeating("the exam has no linked images: link them, then have this job run again")
    settings: Settings = django_settings.QUANG
    identity = identity_of(version, content_sha256=content_sha256, signed=signed, recalled=recalled)
    with Engine.from_settings(settings, "worker") as engine:
        try:
            study = engine.study(link.study.orthanc_id)
        except NotInEngine as error:
            raise NotWorthRepeating("the engine has the exam's images no more") from error
        dicom = encapsulated_pdf(
            content, identity, study.main_tags, uid_root=settings.site.uid_root, institution=settings.site.name
        )
        return engine.store_instance(dicom)


def run_store_document(subject_id: str) -> None:
    """The job ``store_document``: put a document into the study as Encapsulated PDF, once however often it runs; not
    when its version counts no more.

    :raises NotWorthRepeating: the exam has no linked images (any more), or the engine has lost them
    """
    document = Document.objects.select_related("version__reading__procedure").get(pk=int(subject_id))
    version = document.version
    if document.orthanc_instance_id:
        return
    if not counts(version):
        arrange_in_study(version.reading_id)  # an attempt that died may have stored it
        return
    procedure = version.reading.procedure
    stored = store_pdf(version, bytes(document.content), content_sha256=version.content_sha256)
    with transaction.atomic():
        Document.objects.filter(pk=document.pk).update(orthanc_instance_id=stored.orthanc_id)
        record(
            WORKER, "report.stored", subject=f"reading:{version.reading_id}", patient_id=procedure.patient_id,
            version=version.number, instance=stored.orthanc_id,
        )  # fmt: skip
        announce("exam", procedure.pk)
        arrange_in_study(version.reading_id)


def _shown_date(date: str) -> str:
    """``YYYYMMDD`` as ``DD/MM/YYYY``; a month or a year alone stays one."""
    return "/".join(part for part in (date[6:8], date[4:6], date[:4]) if part)
