"""``/open/<token>``: the viewer link that was sent to the HIS with a result."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_GET

from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import ResultLink, read_result_link
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.delivery.looks import begin_look, hold_still
from ris_core.delivery.outside import is_switched_off, report_is_recalled, version_for_outside
from ris_core.orders.models import RequestedProcedure
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.grants import grant_viewing, longest_grant
from ris_webapp.screens.viewer_launch.hanging import hung_for
from ris_webapp.screens.viewer_launch.ohif import viewer_address
from ris_webapp.screens.viewer_launch.pages import outsider_headers, refuse, waiting_page
from ris_webapp.screens.viewer_launch.refusals import refusal_code
from ris_webapp.screens.viewer_launch.report_cookie import allow_report, allowed_report, report_digits
from ris_webapp.screens.viewer_launch.results import closed_reports, is_theirs, procedure_of, report_pdf, shown_studies

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@public
@require_GET
@transaction.atomic
def open_result(request: HttpRequest, token: str) -> HttpResponse:
    """Verify the link, grant its studies and nothing else, and go to OHIF.

    Whoever holds the link is somebody the receiving HIS showed it to: the audit event names the receiver. A refused
    link is answered the same way whether or not the study exists.
    """
    address = client_address(request)
    try:
        link = _read(token)
    except TokenRefused as error:
        return refuse(request, refusal_code("result_link.refused", address, error, otherwise="QUANG-3101"))
    actor = Actor(f"receiver:{link.receiver}", address=address, kind=ActorKind.RECEIVER)
    hold_still([link.procedure_id])
    procedure = procedure_of(link.procedure_id)
    if link.expires_at <= timezone.now():
        _note(actor, link, procedure, "over")
        return refuse(request, "QUANG-3102")
    if is_switched_off(link.receiver):
        _note(actor, link, procedure, "the receiver is switched off")
        return refuse(request, "QUANG-3103")
    if link.version_number and report_is_recalled(link.procedure_id):
        _note(actor, link, procedure, "recalled")
        return refuse(request, "QUANG-3108")
    if procedure is not None and not is_theirs(procedure, link):
        _note(actor, link, None, "the exam has become another patient's")
        return refuse(request, "QUANG-3103")
    uids = [study.study_instance_uid for study in shown_studies(link.procedure_id)]
    granted = [uid for uid in uids if uid in link.study_uids]
    if procedure is None or not granted:
        _note(actor, link, procedure, "no image may be shown")
        return refuse(request, "QUANG-3103")
    _note(actor, link, procedure)
    report = _digits_if_reported(link.procedure_id, granted)
    response = HttpResponseRedirect(viewer_address(granted, hung=hung_for(procedure), report=report))
    until = min(link.expires_at, longest_grant())
    grant = begin_look(link.receiver, [procedure], until, with_report=link.version_number > 0)
    closed = closed_reports(granted)
    name = f"{link.receiver} link"
    grant_viewing(request, response, [granted], name, grant=grant, until=until, without_series=closed)
    allow_report(response, link.receiver, procedure, granted, link.expires_at)
    return outsider_headers(response)


@public
@require_GET
def open_report(request: HttpRequest, digits: str) -> HttpResponse:
    """The report of a result whose link this browser has opened: the version in force now, as PDF.

    :param digits: the twelve that end the name of the viewer cookie and of the report cookie; they grant nothing
    """
    address = client_address(request)
    try:
        link = allowed_report(request, digits)
    except TokenRefused as error:
        return refuse(request, refusal_code("result_link.refused", address, error, otherwise="QUANG-3101"))
    version = None if is_switched_off(link.receiver) else version_for_outside(link.procedure_id)
    if version is not None and not is_theirs(version.reading.procedure, link):
        return refuse(request, "QUANG-3103")
    if version is None:
        return refuse(request, "QUANG-3108" if report_is_recalled(link.procedure_id) else "QUANG-3103")
    pdf = report_pdf(version)
    if pdf is None:
        return waiting_page(request)
    actor = Actor(f"receiver:{link.receiver}", address=address, kind=ActorKind.RECEIVER)
    record(
        actor,
        "report.viewed",
        subject=f"exam:{link.procedure_id}",
        patient_id=version.reading.procedure.patient_id,
        version=version.number,
    )
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="report-v{version.number}.pdf"'
    return outsider_headers(response)


def _digits_if_reported(procedure_id: int, granted: list[str]) -> str:
    return report_digits(granted) if version_for_outside(procedure_id) else ""


def _read(token: str) -> ResultLink:
    """The link in ``token`` even when it is over, so that whoever holds an old one is told so.

    :raises TokenRefused: when it was never ours
    """
    return read_result_link(Keyring.from_settings(settings.QUANG), token, _BEGINNING)


def _note(actor: Actor, link: ResultLink, procedure: RequestedProcedure | None, refused: str = "") -> None:
    record(
        actor,
        "result_link.refused" if refused else "result_link.opened",
        subject=f"exam:{link.procedure_id}",
        patient_id=procedure.patient_id if procedure else None,
        success=not refused,
        **({"reason": refused} if refused else {}),
    )
