"""``/launch``: a HIS vouches for its user, who then sees the images of one order, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from ris_core.access.launch import LaunchRequest
from ris_core.access.services import accept_launch
from ris_core.access.signing import TokenRefused
from ris_core.audit.services import Actor, record
from ris_core.delivery.models import Receiver
from ris_core.delivery.outside import version_for_outside
from ris_core.orders.models import ImagingServiceRequest
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.grants import grant_viewing
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse
from ris_webapp.screens.viewer_launch.refusals import refusal_code
from ris_webapp.screens.viewer_launch.report_cookie import allow_report, report_digits
from ris_webapp.screens.viewer_launch.results import shown_studies


@public
@require_GET
def launch(request: HttpRequest) -> HttpResponse:
    """Verify what the HIS signed, remember its nonce, grant the order's studies and go to OHIF."""
    address = client_address(request)
    try:
        vouched = accept_launch(request.GET.dict())
    except TokenRefused as error:
        otherwise = "QUANG-3106" if error.field == "nonce" else "QUANG-3105"
        return refuse(request, refusal_code("launch.refused", address, error, otherwise=otherwise))
    actor = Actor(f"{vouched.receiver}:{vouched.user_name}", address=address)
    order = _order(vouched)
    studies = {} if order is None else _studies_by_procedure(order)
    if order is None or not studies:
        record(actor, "launch.opened", success=False, reason="no such order, or no images yet")
        return refuse(request, "QUANG-3107")
    granted = list(dict.fromkeys(uid for uids in studies.values() for uid in uids))
    record(actor, "launch.opened", subject=f"order:{order.pk}", patient_id=order.patient_id)
    reported = next((pk for pk in studies if version_for_outside(pk) is not None), None)
    response = HttpResponseRedirect(viewer_address(granted, report=report_digits(granted) if reported else ""))
    grant_viewing(request, response, [granted], f"{vouched.user_name}@{vouched.receiver}"[:64])
    until = timezone.now() + timedelta(minutes=settings.QUANG.access.viewer_token_minutes)
    if reported is not None:
        allow_report(response, vouched.receiver, reported, granted, until)
    return outsider_headers(response)


def _order(vouched: LaunchRequest) -> ImagingServiceRequest | None:
    """The order by our accession number, else by the HIS's own; only orders whose results this receiver gets.

    None also when the HIS's number was used for two orders: nobody guesses between two patients.
    """
    receiver = Receiver.objects.filter(code=vouched.receiver, active=True).first()
    if receiver is None:
        return None
    orders = ImagingServiceRequest.objects.select_related("patient")
    if receiver.source:
        orders = orders.filter(source=receiver.source)
    found = list(orders.filter(accession_number=vouched.accession_number)[:2])
    if not found:
        found = list(orders.filter(sent_accession_number=vouched.accession_number)[:2])
    return found[0] if len(found) == 1 else None


def _studies_by_procedure(order: ImagingServiceRequest) -> dict[int, list[str]]:
    """The StudyInstanceUIDs that may be shown, by requested procedure; procedures without images are left out."""
    found = {
        procedure_id: [study.study_instance_uid for study in shown_studies(procedure_id)]
        for procedure_id in order.requested_procedures.order_by("id").values_list("pk", flat=True)
    }
    return {procedure_id: uids for procedure_id, uids in found.items() if uids}
