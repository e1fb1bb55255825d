"""The staff's side: slips of a patient, how they are used, how each exam stands for the patient, and decisions."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.portal.entering import asks_for_code
from ris_core.portal.errors import PortalInvalid
from ris_core.portal.models import PortalSlip, PortalVisit, ResultDecision
from ris_core.portal.releasing import MOST_EXAMS, is_in_force, results_of
from ris_core.portal.rules import Decision
from ris_core.portal.slip_sheet import SlipFacts, slip_body
from ris_core.portal.slips import decide_result, make_slip, withdraw_slip
from ris_core.print_layouts.slip_heads import slip_head
from ris_core.sharing.models import Share
from ris_core.sharing.services import share_state
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.access_log.wanted import with_merged
from ris_webapp.screens.patients.record import patient_or_refuse
from ris_webapp.screens.slip.views import logo_address
from ris_webapp.words import Text

MOST_SHOWN = 50
WHY_NOT: dict[str, Text] = {
    "portal": gettext_lazy("Cổng người bệnh đang tắt."),
    "patient": gettext_lazy("Hồ sơ đã gộp hoặc cần bảo mật: không in phiếu."),
    "birth_date": gettext_lazy(
        "Chưa có ngày sinh (năm sinh cũng được): hãy ghi vào hồ sơ trước, nếu không chỉ mã là mở được."
    ),
    "reason": gettext_lazy("Hãy ghi lý do."),
}


@requires(Function.PRINT_PORTAL_SLIP, Function.DECIDE_FOR_PATIENT)
@require_GET
def patient(request: UserRequest, patient_id: int) -> HttpResponse:
    """Slips, visits, shares and exams of one patient, and of records merged into theirs: those slips open the same."""
    shown = patient_or_refuse(patient_id)
    record(actor_of(request), "portal.use_viewed", subject=f"patient:{shown.pk}", patient_id=shown.pk)
    now = timezone.now()
    exams = RequestedProcedure.objects.filter(patient=shown).exclude(exam_state=ExamState.CANCELLED)
    exams = seen_exams(exams.select_related("patient", "request__visit"), request.user)
    results = results_of(list(exams.order_by("-scheduled_at", "-pk")[:MOST_EXAMS]), now)
    ids = [result.exam.pk for result in results]
    decisions = {
        row.procedure_id: row
        for row in ResultDecision.objects.filter(procedure_id__in=ids).select_related("decided_by")
    }
    records = with_merged([shown.pk])
    slips = PortalSlip.objects.filter(patient__in=records).select_related("procedure", "made_by", "withdrawn_by")
    shares = Share.objects.filter(patients__slip__patient__in=records).order_by("-created_at")
    context = {
        "patient": shown,
        "results": [(result, decisions.get(result.exam.pk)) for result in results],
        "slips": [(slip, is_in_force(slip, now)) for slip in slips.order_by("-made_at", "-pk")[:MOST_SHOWN]],
        "visits": PortalVisit.objects.filter(slip__patient__in=records).order_by("-began_at", "-pk")[:MOST_SHOWN],
        "shares": [(share, share_state(share, now).value) for share in shares[:MOST_SHOWN]],
        "enabled": settings.QUANG.portal.enabled,
    }
    return render(request, "portal/staff.html", context)


@requires(Function.PRINT_PORTAL_SLIP)
@require_POST
def make(request: UserRequest, patient_id: int) -> HttpResponse:
    """A slip with a new code, ready to be printed: shown in this answer only. The one before works no more."""
    shown = patient_or_refuse(patient_id)
    exam_id = whole_number(request.POST.get("exam", ""))
    if exam_id is not None and not seen_exams(RequestedProcedure.objects.filter(pk=exam_id), request.user).exists():
        raise NotFound("the patient has no such exam", field="exam")
    try:
        slip, code = make_slip(shown.pk, exam_id, actor_of(request))
    except PortalInvalid as error:
        messages.error(request, str(WHY_NOT[error.field]))
        return _back(patient_id)
    number = shown.identifiers.filter(is_primary=True).values_list("value", flat=True).first()
    facts = SlipFacts(
        head=slip_head(slip.procedure, settings.QUANG.site),
        patient_name=shown.full_name,
        patient_id=number or "",
        service_name=slip.procedure.service_name if slip.procedure else "",
        code=code,
        address=settings.QUANG.public_url + reverse("portal:door"),
        expires_at=timezone.localtime(slip.expires_at),
        asks_for_code=asks_for_code(shown),
    )
    return render(request, "portal/slip.html", {"body": slip_body(facts, logo_address(facts.head)), "patient": shown})


@requires(Function.PRINT_PORTAL_SLIP)
@require_POST
def withdraw(request: UserRequest, patient_id: int, slip_id: int) -> HttpResponse:
    """It opens nothing any more."""
    if not PortalSlip.objects.filter(pk=slip_id, patient__in=with_merged([patient_id])).exists():
        raise NotFound("the patient has no such slip", field="slip")
    withdraw_slip(slip_id, actor_of(request))
    messages.success(request, _("Đã huỷ phiếu. Ai đang xem bằng phiếu này sẽ bị thoát trong vài giây."))
    return _back(patient_id)


@requires(Function.DECIDE_FOR_PATIENT)
@require_POST
def decide(request: UserRequest, exam_id: int) -> HttpResponse:
    """Hold a result back, let it go now, or leave it to the rules."""
    exam = RequestedProcedure.objects.filter(pk=exam_id).first()
    if exam is None:
        raise NotFound("there is no such exam", field="exam")
    wanted = request.POST.get("decision", "")
    decision = Decision(wanted) if wanted in set(Decision) else None
    try:
        decide_result(exam_id, decision, request.POST.get("reason", ""), actor_of(request))
    except PortalInvalid as error:
        messages.error(request, str(WHY_NOT[error.field]))
    else:
        messages.success(request, _("Đã lưu. Người bệnh thấy thay đổi trong vài giây."))
    return _back(exam.patient_id)


def _back(patient_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("portal:patient", args=[patient_id]))
