"""The job ``store_key_object``: a version's key images as a Key Object Selection in the study they are of."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.key_images.key_object import SelectedImage, key_object, key_object_uids
from ris_core.key_images.models import KeyObject, VersionKeyImage
from ris_core.reports.models import ReportVersion
from ris_core.settings import Settings
from ris_core.studies.models import StudyLink

WORKER = Actor("worker")


def run_store_key_object(subject_id: str) -> None:
    """Store the document of one report version, once however often it runs.

    It goes into the study of the first image; images of the exam's other studies are named in it.

    :raises NotWorthRepeating: that study is linked to the exam no more, or the engine has lost it
    """
    version = ReportVersion.objects.select_related("reading__procedure").get(pk=int(subject_id))
    if KeyObject.objects.filter(version=version).exists():
        return
    selected = [
        SelectedImage(
            study_instance_uid=item.key_image.study_instance_uid,
            series_instance_uid=item.key_image.series_instance_uid,
            sop_class_uid=item.key_image.sop_class_uid,
            sop_instance_uid=item.key_image.sop_instance_uid,
            frame=item.key_image.frame,
            frame_count=item.key_image.frame_count,
            caption=item.caption,
        )
        for item in VersionKeyImage.objects.filter(version=version)
        .select_related("key_image")
        .defer("key_image__picture")
        .order_by("position")
    ]
    procedure = version.reading.procedure
    link = StudyLink.objects.filter(
        procedure=procedure, undone_at__isnull=True, study__study_instance_uid=selected[0].study_instance_uid
    ).first()
    if link is None:
        raise NotWorthRepeating("the key images' study is linked to the exam no more")
    settings: Settings = django_settings.QUANG
    version_key = f"{procedure.filler_order_number}|{version.reading.ordinal}|{version.number}"
    with Engine.from_settings(settings, "worker") as engine:
        try:
            study = engine.study(link.study.orthanc_id)
        except NotInEngine as error:
            raise NotWorthRepeating("the engine has the exam's images no more") from error
        document = key_object(
            selected,
            study.main_tags,
            version_key=version_key,
            approved_at=version.approved_at.astimezone(ZoneInfo(settings.site.time_zone)),
            uid_root=settings.site.uid_root,
            institution=settings.site.name,
        )
        stored = engine.store_instance(document)
    _series, instance_uid = key_object_uids(version_key, study.study_instance_uid, settings.site.uid_root)
    with transaction.atomic():
        KeyObject.objects.get_or_create(
            version=version,
            defaults={
                "sop_instance_uid": instance_uid,
                "orthanc_instance_id": stored.orthanc_id,
                "stored_at": timezone.now(),
            },
        )
        record(
            WORKER, "key_object.stored", subject=f"reading:{version.reading_id}", patient_id=procedure.patient_id,
            version=version.number, instance=stored.orthanc_id,
        )  # fmt: skip
        announce("exam", procedure.pk)
