"""Where an exam's result is: who has which version, recall, and what is held back until it is paid for."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.delivery.holding import release_hold
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading
from ris_core.reports.recalling import recall
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.returns.shown import returned


@requires(Function.VIEW_REPORT, Function.RELEASE_RESULTS)
@require_GET
def page(request: UserRequest, exam_id: int) -> HttpResponse:
    """The table, and what this user may do about it."""
    exam = _exam(exam_id)
    record(actor_of(request), "report.returns_viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    return render(request, "returns/page.html", {"shown": returned(request.user, exam)})


@requires(Function.RECALL_REPORT)
@require_POST
def recall_result(request: UserRequest, exam_id: int) -> HttpResponse:
    """Withdraw the newest version; the form names the one that the person saw."""
    exam = _exam(exam_id)
    reading = Reading.objects.filter(procedure=exam, pk=whole_number(request.POST.get("reading", "")) or 0).first()
    if reading is None:
        raise NotFound("there is no such reading", field="reading")
    number = whole_number(request.POST.get("version", "")) or 0
    try:
        recall(reading.pk, number, request.POST.get("reason", ""), actor_of(request))
    except InvalidValue:
        messages.error(request, _("Cần ghi lý do thu hồi, nhiều nhất 255 ký tự."))
    except TransitionRefused:
        messages.error(request, _("Đã có bản mới hơn: hãy xem lại trước khi thu hồi."))
    else:
        messages.success(request, _("Đã thu hồi; mọi nơi đã nhận được báo."))
    return _back(exam_id)


@requires(Function.RELEASE_RESULTS)
@require_POST
def release(request: UserRequest, exam_id: int) -> HttpResponse:
    """Return the result of an exam that is not paid for; a reason is asked for."""
    try:
        release_hold(_exam(exam_id).pk, request.POST.get("reason", ""), actor_of(request))
    except InvalidValue:
        messages.error(request, _("Cần ghi lý do cho gửi."))
    except NotFound:
        messages.error(request, _("Kết quả của ca này không còn bị giữ."))
    else:
        messages.success(request, _("Đang gửi kết quả."))
    return _back(exam_id)


def _exam(exam_id: int) -> RequestedProcedure:
    exam = RequestedProcedure.objects.select_related("patient", "request__visit").filter(pk=exam_id).first()
    if exam is None:
        raise NotFound("no such exam")
    return exam


def _back(exam_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("returns:page", args=[exam_id]))
