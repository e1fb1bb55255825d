"""Critical results that nobody has acknowledged, and how one is flagged from an exam."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.critical_results import services
from ris_core.critical_results.models import CriticalResult, Urgency
from ris_core.errors import InvalidValue
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.reading.views import exam_or_refuse

MOST_SHOWN = 200


def criticals_waiting(user: User) -> int:
    """How many wait to be acknowledged, of those that ``user`` may see."""
    return services.shown_to(user, services.open_criticals()).count()


@requires(Function.ACKNOWLEDGE_CRITICAL)
@require_GET
def inbox(request: UserRequest) -> HttpResponse:
    """What waits, and what was acknowledged last."""
    done = CriticalResult.objects.filter(acknowledged_at__isnull=False).select_related(
        "procedure__patient", "procedure__request", "flagged_by", "acknowledged_by"
    )
    context = {
        "waiting": services.shown_to(request.user, services.open_criticals())[:MOST_SHOWN],
        "done": services.shown_to(request.user, done).order_by("-acknowledged_at")[:20],
    }
    return render(request, "criticals/inbox.html", context)


@requires(Function.ACKNOWLEDGE_CRITICAL)
@require_POST
def acknowledge(request: UserRequest, critical_id: int) -> HttpResponse:
    """The user answers for its being known."""
    services.acknowledge(critical_id, request.POST.get("received_by", ""), actor_of(request))
    messages.success(request, _("Đã xác nhận kết quả nguy cấp."))
    return HttpResponseRedirect(reverse("criticals:inbox"))


@requires(Function.FLAG_CRITICAL)
@require_http_methods(["GET", "POST"])
def flag(request: UserRequest, exam_id: int) -> HttpResponse:
    """A form for the finding and its urgency; then back to the exam."""
    exam = exam_or_refuse(exam_id)
    problem = ""
    if request.method == "POST":
        try:
            services.flag(exam.pk, request.POST.get("urgency", ""), request.POST.get("finding", ""), actor_of(request))
        except InvalidValue:
            problem = _("Ghi phát hiện, tối đa 500 chữ, và chọn mức.")
        else:
            messages.success(request, _("Đã báo kết quả nguy cấp."))
            return HttpResponseRedirect(reverse("reading:page", args=[exam.pk]))
    context = {
        "exam": exam,
        "urgencies": Urgency.values,
        "problem": problem,
        "finding": request.POST.get("finding", ""),
        "urgency": request.POST.get("urgency", "RED"),
    }
    return render(request, "criticals/flag.html", context, status=422 if problem else 200)
