"""What a label tells of an exam."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone, translation

from ris_core.matching.keys import exam_key
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.labels import LabelFacts
from ris_core.reports.exam import observed_at
from ris_webapp.jinja import dicom_date, word


def label_of(procedure: RequestedProcedure) -> LabelFacts:
    """The label of an exam, in the site's language."""
    patient, request = procedure.patient, procedure.request
    number = patient.identifiers.filter(is_primary=True).values_list("value", flat=True).first()
    site: Any = settings.QUANG.site
    with translation.override(site.language):
        return LabelFacts(
            key=exam_key(procedure.pk),
            accession_number=request.accession_number,
            patient_name=patient.full_name,
            patient_id=number or "",
            birth_date=dicom_date(patient.birth_date),
            sex=word("sex", patient.sex),
            service_name=procedure.service_name,
            modality=procedure.modality,
            department=request.requesting_department,
            exam_at=timezone.localtime(observed_at(procedure)),
            site_name=site.name,
        )
