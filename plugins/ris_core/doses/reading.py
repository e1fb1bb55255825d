"""The job ``read_dose``: the radiation of an exam from its dose reports, else what its device reported, else its
images."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import pydicom
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.doses.amounts import Amounts, together
from ris_core.doses.dose_report import DoseReport, dose_report, of_different_events
from ris_core.doses.models import DoseSource, ExamDose
from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.orders.models import RequestedProcedure
from ris_core.performed.attributes import exposure
from ris_core.performed.models import PerformedProcedureStep
from ris_core.studies.models import Study, StudyLink
from ris_core.studies.sharing import counting_links

JOB_KIND: Final = "read_dose"
MOST_REPORTS: Final = 20
MOST_IMAGES: Final = 40
"""Images of one exam whose attributes are added up; an exam of more tells by its report."""
_LARGEST_REPORT_BYTES: Final = 16 * 1024 * 1024
_HEAD_BYTES: Final = 32 * 1024
_PROJECTION: Final = frozenset({"CR", "DX", "DR", "MG", "XA", "RF", "PX", "IO"})


def run_read_dose(subject_id: str) -> None:
    """Read anew what is here now: what was read of images that were linked by mistake goes with them. Nothing changes
    while the engine does not have the images. Twice has the effect of once."""
    procedure = RequestedProcedure.objects.get(pk=int(subject_id))
    links = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).select_related("study")
    counting = set(counting_links().filter(procedure=procedure).values_list("pk", flat=True))
    linked = [link.study for link in links]
    own = [link.study for link in links if link.pk in counting]
    with Engine.from_settings(settings.QUANG, "worker", timeout_seconds=60.0) as engine:
        found = _found(engine, procedure, linked)
        if found is None and linked and not any(engine.images_of(study.orthanc_id) for study in linked):
            return
        counted = found if len(own) == len(linked) else _found(engine, procedure, own) if own else None
    if found is None:
        if ExamDose.objects.filter(procedure=procedure).delete()[0]:
            announce("exam", procedure.pk)
        return
    source, amounts = found
    once = counted[1] if counted else Amounts()
    with transaction.atomic():
        RequestedProcedure.objects.select_for_update().get(pk=procedure.pk)
        ExamDose.objects.update_or_create(
            procedure=procedure,
            defaults={
                "source": source,
                "read_at": timezone.now(),
                "counted_dlp_mgy_cm": once.dlp_mgy_cm,
                "counted_dap_gy_cm2": once.dap_gy_cm2,
                **asdict(amounts),
            },
        )
        announce("exam", procedure.pk)


Found = tuple[DoseSource, Amounts] | None


def _found(engine: Engine, procedure: RequestedProcedure, studies: list[Study]) -> Found:
    """What is known of the irradiation for these studies of an exam."""
    return _of_reports(engine, studies) or _of_device(procedure, studies) or _of_images(engine, studies, procedure)


def _of_reports(engine: Engine, studies: list[Study]) -> Found:
    reports: list[DoseReport] = []
    for study in studies:
        for image in engine.images_of(study.orthanc_id, Modality="SR")[:MOST_REPORTS]:
            file = engine.instance_file(image.orthanc_id)
            report = dose_report(file) if len(file) <= _LARGEST_REPORT_BYTES else None
            if report is not None:
                reports.append(report)
    return _said(DoseSource.REPORT, of_different_events(reports))


def _of_device(procedure: RequestedProcedure, studies: list[Study]) -> Found:
    """Of the steps that made these studies, and of those that made none of the exam's."""
    steps = PerformedProcedureStep.objects.filter(performed_for__procedure=procedure).distinct()
    others = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).exclude(study__in=studies)
    steps = steps.exclude(study_instance_uid__in=list(others.values_list("study__study_instance_uid", flat=True)))
    return _said(DoseSource.MPPS, together(of_performed_step(step.attributes) for step in steps))


def of_performed_step(attributes: dict[str, Any]) -> Amounts:
    """Radiation dose of a performed step (PS3.3 C.4.16), and CTDIvol and exposures of its items."""
    told = exposure(attributes)
    area = _number(told.dose_area_product)
    return Amounts(
        dap_gy_cm2=area / 10 if area is not None else None,
        fluoroscopy_seconds=_number(told.fluoroscopy_seconds),
        exposures=int(told.exposures) if told.exposures.isdecimal() and len(told.exposures) < 7 else None,
    )


def _of_images(engine: Engine, studies: list[Study], procedure: RequestedProcedure) -> Found:
    parts: list[Amounts] = []
    for study in studies:
        images = [image for image in engine.images_of(study.orthanc_id) if image.rows]
        if procedure.modality in _PROJECTION and len(images) <= MOST_IMAGES:
            parts += [*(_of_image(engine, image) for image in images), Amounts(exposures=len(images))]
        elif procedure.modality == "CT" and images:
            parts += [_of_image(engine, image) for image in _spread(images)]
    return _said(DoseSource.IMAGES, together(parts))


def _of_image(engine: Engine, image: StoredImage) -> Amounts:
    head = io.BytesIO(engine.instance_head(image.orthanc_id, _HEAD_BYTES))
    try:
        read = pydicom.dcmread(
            head, stop_before_pixels=True, force=True,
            specific_tags=["CTDIvol", "ImageAndFluoroscopyAreaDoseProduct", "OrganDose"],
        )  # fmt: skip
        area = _number(read.get("ImageAndFluoroscopyAreaDoseProduct"))
        organ = _number(read.get("OrganDose"))
        return Amounts(
            ctdivol_mgy=_number(read.get("CTDIvol")),
            dap_gy_cm2=area / 10 if area is not None else None,
            glandular_mgy=organ * 100 if organ is not None else None,
        )
    except (pydicom.errors.InvalidDicomError, OSError, EOFError, ValueError, KeyError, AttributeError, TypeError):
        return Amounts()  # a head that ends within an element tells nothing


def _spread(images: list[StoredImage]) -> Iterator[StoredImage]:
    """Five of them, evenly spread: CTDIvol is the same throughout an acquisition."""
    step = max(1, len(images) // 5)
    yield from images[::step][:5]


def _said(source: DoseSource, amounts: Amounts) -> Found:
    return None if amounts.is_empty else (source, amounts)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e9 else None
