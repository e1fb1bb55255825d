"""What was used in an exam: dose, films and exposures; when it was performed and read, and who put that right."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.doses import services
from ris_core.doses.models import ExamDose, Moment, TimeCorrection
from ris_core.errors import InvalidValue
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.sharing import sharing
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.acquisition.shown import dose_in_words
from ris_webapp.screens.reading.views import exam_or_refuse

_FORM = "%Y-%m-%dT%H:%M"
"""As a browser's field of date and time writes it."""


@requires(Function.RECORD_ACQUISITION, Function.VIEW_REPORT)
@require_GET
def page(request: UserRequest, exam_id: int) -> HttpResponse:
    """Everything of one exam; forms for whoever may."""
    exam = exam_or_refuse(exam_id)
    record(actor_of(request), "exam.viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    return _page(request, exam)


@requires(Function.RECORD_ACQUISITION)
@require_POST
def count(request: UserRequest, exam_id: int) -> HttpResponse:
    """Keep what was counted."""
    exam = exam_or_refuse(exam_id)
    numbers = {name: whole_number(request.POST.get(name, "").strip()) for name in ("films", "exposures")}
    problem = next((name for name, number in numbers.items() if number is None), "")
    if not problem:
        try:
            services.set_counts(exam.pk, numbers["films"] or 0, numbers["exposures"] or 0, actor_of(request))
        except InvalidValue as error:
            problem = error.field
        else:
            messages.success(request, _("Đã lưu số phim và số lần phát tia."))
            return HttpResponseRedirect(reverse("acquisition:page", args=[exam.pk]))
    return _page(request, exam, problem=problem)


@requires(Function.RECORD_ACQUISITION, Function.APPROVE_REPORT)
@require_POST
def correct(request: UserRequest, exam_id: int) -> HttpResponse:
    """Put a time right."""
    exam = exam_or_refuse(exam_id)
    moment = request.POST.get("moment", "")
    zone = ZoneInfo(settings.QUANG.site.time_zone)
    try:
        wanted = datetime.strptime(request.POST.get("corrected_to", ""), _FORM).replace(tzinfo=zone)
        services.correct_time(exam.pk, moment, wanted, request.POST.get("reason", ""), actor_of(request))
    except ValueError:
        return _page(request, exam, problem=f"{moment}.corrected_to")
    except InvalidValue as error:
        return _page(request, exam, problem=f"{moment}.{error.field}")
    messages.success(request, _("Đã ghi giờ đúng; giờ ghi tự động vẫn được giữ."))
    return HttpResponseRedirect(reverse("acquisition:page", args=[exam.pk]))


def _page(request: UserRequest, exam: RequestedProcedure, *, problem: str = "") -> HttpResponse:
    allowed = {Moment.ACQUIRED: Function.RECORD_ACQUISITION, Moment.READ: Function.APPROVE_REPORT}
    corrections = TimeCorrection.objects.filter(procedure=exam).select_related("corrected_by").order_by("-corrected_at")
    newest = {each.moment: each.corrected_to for each in reversed(corrections)}
    times = [
        (moment, recorded, newest.get(moment), may(request.user.role, allowed[moment]))
        for moment in Moment
        if (recorded := services.recorded_at(exam, moment)) is not None
    ]
    context = {
        "exam": exam,
        "dose": (dose := ExamDose.objects.filter(procedure=exam).first()),
        "shared": sharing(exam.pk).select_related("request"),
        "amounts": dose_in_words(dose),
        "counts": services.counts_of(exam),
        "times": times,
        "corrections": corrections,
        "problem": problem,
        "entered": request.POST,
        "form_of_time": _FORM,
    }
    return render(request, "acquisition/page.html", context, status=422 if problem else 200)
