"""The signed PDF in the study it is about: put there when it is signed, and again when the study's images change place.

It is a further instance beside the unsigned one, in the same series (``reports/encapsulated.py``).
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.reports.encapsulated import ReportIdentity, encapsulated_pdf
from ris_core.settings import Settings
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import SignatureState
from ris_core.studies.models import StudyLink

WORKER = Actor("worker")


def run_store_signed(subject_id: str) -> None:
    """The job ``store_signed_report``: once however often it runs, the same object each time.

    :raises NotWorthRepeating: the exam has no linked images (any more), or the engine has lost them
    """
    file = SignedFile.objects.select_related("signature__version__reading__procedure").get(pk=int(subject_id))
    if file.signature.state != SignatureState.SIGNED:
        return  # withdrawn meanwhile: what is not there yet need not come
    version = file.signature.version
    procedure = version.reading.procedure
    link = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).order_by("linked_at", "pk").first()
    if link is None:
        raise NotWorthRepeating("the exam has no linked images: link them, then have this job run again")
    settings: Settings = django_settings.QUANG
    identity = ReportIdentity(
        reading_key=f"{procedure.filler_order_number}|{version.reading.ordinal}",
        version_number=version.number,
        content_sha256=file.sha256,
        status=version.status,
        approved_at=version.approved_at.astimezone(ZoneInfo(settings.site.time_zone)),
        signed=True,
    )
    with Engine.from_settings(settings, "worker") as engine:
        try:
            study = engine.study(link.study.orthanc_id)
        except NotInEngine as error:
            raise NotWorthRepeating("the engine has the exam's images no more") from error
        dicom = encapsulated_pdf(
            bytes(file.content), identity, study.main_tags,
            uid_root=settings.site.uid_root, institution=settings.site.name,
        )  # fmt: skip
        stored = engine.store_instance(dicom)
    if file.orthanc_instance_id == stored.orthanc_id:
        return
    with transaction.atomic():
        SignedFile.objects.filter(pk=file.pk).update(orthanc_instance_id=stored.orthanc_id)
        record(
            WORKER, "signed_report.stored", subject=f"signature:{file.signature_id}", patient_id=procedure.patient_id,
            instance=stored.orthanc_id,
        )  # fmt: skip
        announce("exam", procedure.pk)
