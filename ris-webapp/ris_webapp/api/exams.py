"""How far an order is: status, studies, report; and the devices."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from ris_core.access.scopes import Scope
from ris_core.audit.services import record
from ris_core.delivery.holding import has_open_hold
from ris_core.delivery.outside import report_is_recalled, version_for_outside
from ris_core.devices.models import Device
from ris_core.errors import NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Document, ReportVersion
from ris_core.studies.models import StudyLink
from ris_core.worklist.explanation import explain_absence
from ris_webapp.api.answers import DeviceOut, ExplanationOut, ReportOut, StatusOut, StepOut, StudyOut
from ris_webapp.api.caller import ApiRequest, Scoped
from ris_webapp.api.orders import REFUSED, found_order

router = Router(tags=["Exams"])
device_router = Router(tags=["Devices"])

_ORDERS, _REPORTS, _DEVICES = map(Scoped, (Scope.ORDERS_READ, Scope.REPORTS_READ, Scope.DEVICES_READ))


@router.get("/{int:order_id}/status", auth=_ORDERS, response={200: StatusOut, **REFUSED}, summary="How far it is")
def status(request: ApiRequest, order_id: int) -> StatusOut:
    """In one word, and by steps, images and report."""
    procedure = found_order(request.caller, order_id)
    version = version_for_outside(procedure.pk)
    recalled = report_is_recalled(procedure.pk)
    return StatusOut(
        id=procedure.pk,
        status=procedure.exam_state,
        images_arrived_at=procedure.images_arrived_at,
        steps=[StepOut.of(step) for step in procedure.steps.all()],
        studies=StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).count(),
        report_status="R" if recalled else version.status if version else "",
        report_version=version.number if version else None,
        report_approved_at=version.approved_at if version else None,
    )


@router.get("/{int:order_id}/studies", auth=_ORDERS, response={200: list[StudyOut], **REFUSED}, summary="Its studies")
def studies(request: ApiRequest, order_id: int) -> list[StudyOut]:
    """The studies that are linked to the order now, oldest link first."""
    procedure = found_order(request.caller, order_id)
    links = StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).select_related("study")
    return [StudyOut.of(link.study) for link in links.order_by("linked_at", "pk")]


@router.get("/{int:order_id}/report", auth=_REPORTS, response={200: ReportOut, **REFUSED}, summary="Its report")
def report(request: ApiRequest, order_id: int) -> ReportOut:
    """The newest approved version; a draft is nobody's but its reader's."""
    procedure = found_order(request.caller, order_id)
    version = version_for_outside(procedure.pk)
    if version is None:
        _refuse_withheld(procedure)
        raise NotFound("no report of this order is approved yet", field="order_id")
    _tell_viewed(request, version)
    made = Document.objects.filter(version=version, kind=Document.Kind.PDF).exists()
    return ReportOut.of(version, f"{request.path}/document" if made else None)


@router.get("/{int:order_id}/report/document", auth=_REPORTS, summary="Its report as PDF", response=REFUSED)
def document(request: ApiRequest, order_id: int) -> HttpResponse:
    """The PDF of the newest approved version, ``application/pdf``."""
    procedure = found_order(request.caller, order_id)
    version = version_for_outside(procedure.pk)
    if version is None:
        _refuse_withheld(procedure)
    made = Document.objects.filter(version=version, kind=Document.Kind.PDF).first() if version else None
    if version is None or made is None:
        raise NotFound("the report is not approved yet, or its document is being made", field="order_id")
    _tell_viewed(request, version)
    return HttpResponse(bytes(made.content), content_type="application/pdf")


@router.get(
    "/{int:order_id}/worklist",
    auth=_DEVICES,
    response={200: list[ExplanationOut], **REFUSED},
    summary="Why it is (not) on a device's worklist",
)
def worklist(
    request: ApiRequest, order_id: int, station: Annotated[str, Field(min_length=1, max_length=16), Query(...)]
) -> list[ExplanationOut]:
    """For each step of the order: whether the device with the AE title ``station`` finds it, and every check of why."""
    procedure = found_order(request.caller, order_id)
    return [ExplanationOut.of(each) for each in explain_absence(station, procedure_id=procedure.pk)]


@device_router.get("", auth=_DEVICES, response={200: list[DeviceOut], **REFUSED}, summary="The devices")
def devices(request: ApiRequest) -> list[DeviceOut]:
    """Every registered device; those in use first."""
    return [DeviceOut.of(device) for device in Device.objects.order_by("-active", "ae_title")]


def _refuse_withheld(procedure: RequestedProcedure) -> None:
    """:raises NotFound: there is a report, and it may not be had now"""
    if report_is_recalled(procedure.pk):
        raise NotFound("the report has been recalled; a corrected one will follow", field="order_id")
    if has_open_hold(procedure.pk):
        raise NotFound("the report is held back until the exam is paid for", field="order_id")


def _tell_viewed(request: ApiRequest, version: ReportVersion) -> None:
    caller = request.caller
    record(
        caller.actor, "report.viewed", subject=f"reading:{version.reading_id}", patient_id=caller.patient_id,
        version=version.number,
    )  # fmt: skip
