"""A person's imaging history, and exams compared: reports and images side by side, of one person or of several."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.matching.body_regions import regions_in
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.comparing.exams import MOST_COMPARED, Compared, compared, history_of, sections_of
from ris_webapp.screens.patients.record import patient_or_refuse
from ris_webapp.screens.viewer_launch.grants import grant_viewing
from ris_webapp.screens.viewer_launch.ohif import viewer_address


@requires(Function.VIEW_PATIENTS)
@require_GET
def history(request: UserRequest, patient_id: int) -> HttpResponse:
    """Every exam of a person, all records merged into one; ``?modality=`` and ``?region=`` narrow."""
    patient = patient_or_refuse(patient_id)
    record(actor_of(request), "patient.history_viewed", subject=f"patient:{patient.pk}", patient_id=patient.pk)
    exams = history_of(patient, request.user)
    regions = {exam.row.procedure_id: regions_in(exam.row.service_name) for exam in exams}
    modality, region = request.GET.get("modality", ""), request.GET.get("region", "")
    context = {
        "patient": patient,
        "all": len(exams),
        "exams": [
            exam
            for exam in exams
            if modality in ("", exam.row.modality) and (not region or region in regions[exam.row.procedure_id])
        ],
        "modalities": sorted({exam.row.modality for exam in exams}),
        "regions": sorted({each for found in regions.values() for each in found}),
        "modality": modality,
        "region": region,
        "most": MOST_COMPARED,
    }
    return render(request, "comparing/history.html", context)


@requires(Function.VIEW_REPORT)
@require_GET
def compare(request: UserRequest) -> HttpResponse:
    """The exams of ``?exams=``, two to four, side by side; opening them grants their images to this browser.

    :raises NotFound: fewer than two of these exams exist
    """
    wanted = whole_numbers(part for text in request.GET.getlist("exams") for part in text.split(","))
    exams = compared(list(dict.fromkeys(wanted))[:MOST_COMPARED], request.user)
    if len(exams) < 2:
        raise NotFound("choose two exams to compare", field="exams")
    for exam in exams:
        subject = f"exam:{exam.row.procedure_id}"
        record(actor_of(request), "exam.compared", subject=subject, patient_id=exam.row.patient_key)
    sees_images = may(request.user.role, Function.VIEW_IMAGES)
    context = {
        "exams": exams,
        "sections": sections_of(exams),
        "persons": len({exam.person for exam in exams}),
        "frames": _frames(exams) if sees_images else [],
        "dropped": max(0, len(set(wanted)) - MOST_COMPARED),
    }
    response = render(request, "comparing/compare.html", context)
    if sees_images:
        grant_viewing(request, response, [exam.study_uids for exam in exams if exam.study_uids], request.user.username)
    return response


def _frames(exams: list[Compared]) -> list[tuple[str, str]]:
    """The viewers: one for all images of one person, side by side in it; else one for each exam, under its name."""
    imaged = [exam for exam in exams if exam.study_uids]
    if len({exam.person for exam in exams}) == 1 and len(imaged) > 1:
        uids = [uid for exam in imaged for uid in exam.study_uids]
        return [(imaged[0].row.patient_name, viewer_address(uids, compare=True))]
    return [(exam.row.patient_name, viewer_address(exam.study_uids)) for exam in imaged]
