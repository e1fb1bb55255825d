"""``/launch``: a HIS vouches for its user, who then sees images and report of one order, study or patient."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from ris_core.access.launch import LaunchRequest
from ris_core.access.services import accept_launch
from ris_core.access.signing import TokenRefused
from ris_core.access.tokens import MAXIMUM_STUDIES
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.delivery.looks import begin_look, hold_still
from ris_core.delivery.outside import version_for_outside
from ris_core.orders.models import RequestedProcedure
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.grants import grant_viewing, longest_grant
from ris_webapp.screens.viewer_launch.hanging import PLAINLY, hung_for
from ris_webapp.screens.viewer_launch.launched import launched_exams
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse
from ris_webapp.screens.viewer_launch.refusals import refusal_code
from ris_webapp.screens.viewer_launch.report_cookie import allow_report, report_digits
from ris_webapp.screens.viewer_launch.results import closed_reports, shown_studies


@public
@require_GET
def launch(request: HttpRequest) -> HttpResponse:
    """Verify what the HIS signed, remember its nonce, grant what it names and go to OHIF, or to the report."""
    address = client_address(request)
    try:
        vouched = accept_launch(request.GET.dict())
    except TokenRefused as error:
        otherwise = "QUANG-3106" if error.field == "nonce" else "QUANG-3105"
        return refuse(request, refusal_code("launch.refused", address, error, otherwise=otherwise))
    return _open(request, vouched, address)


@transaction.atomic
def _open(request: HttpRequest, vouched: LaunchRequest, address: str) -> HttpResponse:
    """What the HIS named, as it is while nobody changes it."""
    actor = Actor(f"{vouched.receiver}:{vouched.user_name}"[:128], address=address, kind=ActorKind.RECEIVER)
    hold_still(exam.pk for exam in launched_exams(vouched))
    exams = launched_exams(vouched)
    studies = _studies_by_exam(exams)
    if not studies:
        record(actor, "launch.opened", success=False, reason="nothing of this receiver's is named so, or no images yet")
        return refuse(request, "QUANG-3107")
    granted = list(dict.fromkeys(uid for uids in studies.values() for uid in uids))[:MAXIMUM_STUDIES]
    subject = f"order:{exams[0].request_id}" if len(exams) == 1 else f"patient:{exams[0].patient_id}"
    record(actor, "launch.opened", subject=subject, patient_id=exams[0].patient_id, target=vouched.target)
    reported = next((pk for pk in studies if version_for_outside(pk) is not None), None)
    if vouched.target == "report":
        if reported is None:
            return refuse(request, "QUANG-3109")
        granted = studies[reported][:MAXIMUM_STUDIES]
        response = HttpResponseRedirect(reverse("viewer_launch:report", args=[report_digits(granted)]))
    else:
        hung = hung_for(exams[0]) if len(exams) == 1 else PLAINLY
        digits = report_digits(granted) if reported else ""
        response = HttpResponseRedirect(viewer_address(granted, hung=hung, report=digits))
    name = f"{vouched.user_name}@{vouched.receiver}"[:64]
    closed = closed_reports(granted)
    until, shown = longest_grant(), set(granted)
    looked_at = [exam for exam in exams if shown.intersection(studies.get(exam.pk, ()))]
    grant = begin_look(vouched.receiver, looked_at, until)
    grant_viewing(request, response, [granted], name, grant=grant, until=until, without_series=closed)
    if reported is not None:
        allow_report(response, vouched.receiver, next(exam for exam in exams if exam.pk == reported), granted, until)
    return outsider_headers(response)


def _studies_by_exam(exams: list[RequestedProcedure]) -> dict[int, list[str]]:
    """The StudyInstanceUIDs that may be shown, by exam; exams without images are left out."""
    found = {exam.pk: [study.study_instance_uid for study in shown_studies(exam.pk)] for exam in exams}
    return {exam_id: uids for exam_id, uids in found.items() if uids}
