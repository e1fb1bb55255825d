"""Background jobs that have stopped or wait, other than deliveries, which have a screen of their own."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Case, Count, IntegerField, Value, When
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.jobs.models import Job, JobState, WorkerHeartbeat
from ris_core.jobs.services import dismiss_job, replay_job
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

SHOWN = 200
OPEN_STATES = (JobState.DEAD, JobState.RUNNING, JobState.QUEUED)


@requires(Function.ADMINISTER)
@require_GET
def jobs(request: UserRequest) -> HttpResponse:
    """Jobs that are not done: stopped first, then those that failed and will be tried again; ``?state=`` narrows."""
    stopped_first = Case(When(state=JobState.DEAD, then=Value(0)), default=Value(1), output_field=IntegerField())
    waiting = Job.objects.exclude(state=JobState.DONE)
    counts = dict(waiting.order_by().values_list("state").annotate(Count("pk")))
    state = request.GET.get("state", "")
    found = waiting.filter(state=state) if state in OPEN_STATES else waiting
    context = {
        "jobs": found.order_by(stopped_first, "-attempts", "run_at")[:SHOWN],
        "chips": [(each, counts.get(each, 0), each == state) for each in OPEN_STATES],
        "narrowed": state in OPEN_STATES,
        "workers": WorkerHeartbeat.objects.filter(part=WorkerHeartbeat.Part.WORKER).order_by("name"),
    }
    return render(request, "jobs/jobs.html", context)


@requires(Function.ADMINISTER)
@require_POST
def replay(request: UserRequest, job_id: int) -> HttpResponse:
    """Try a stopped job again."""
    replay_job(job_id, actor_of(request))
    messages.success(request, _("Việc sẽ được chạy lại ngay."))
    return HttpResponseRedirect(reverse("jobs:jobs"))


@requires(Function.ADMINISTER)
@require_POST
def dismiss(request: UserRequest, job_id: int) -> HttpResponse:
    """Leave a stopped job undone, with a reason."""
    dismiss_job(job_id, request.POST.get("reason", ""), actor_of(request))
    messages.success(request, _("Đã bỏ qua việc này."))
    return HttpResponseRedirect(reverse("jobs:jobs"))
