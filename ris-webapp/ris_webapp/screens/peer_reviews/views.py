"""Peer review: what waits for a reviewer, the form of one, the head's results, which reports are drawn."""

from __future__ import annotations

from tempfile import TemporaryFile
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.peer_reviews import services, statistics
from ris_core.peer_reviews.models import PeerReviewRule
from ris_core.peer_reviews.rules import Score
from ris_core.reports.rendering import texts_of, titles_of
from ris_core.reports.texts import content_of
from ris_core.statistics.workbook import write_workbook
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.peer_reviews.sheets import sheets_of
from ris_webapp.screens.reading.headings import usual_headings
from ris_webapp.screens.statistics.wanted import Wanted

MOST_SHOWN = 100


@requires(Function.REVIEW_PEERS, Function.MANAGE_PEER_REVIEWS)
@require_GET
def inbox(request: UserRequest) -> HttpResponse:
    """What waits for the user, and what was said of the user's own reports as far as they are told."""
    reviews = may(request.user.role, Function.REVIEW_PEERS)
    if not reviews:
        return HttpResponseRedirect(reverse("peer_reviews:results"))
    context = {
        "waiting": services.waiting_for(request.user.pk)[:MOST_SHOWN],
        "mine": services.told_to(request.user.pk)[:MOST_SHOWN],
    }
    return render(request, "peer_reviews/inbox.html", context)


@requires(Function.REVIEW_PEERS)
@require_http_methods(["GET", "POST"])
def review(request: UserRequest, review_id: int) -> HttpResponse:
    """The report with its images beside it, and the score."""
    found = services.waiting_for(request.user.pk).filter(pk=review_id).first()
    score, reason, problem = request.POST.get("score", ""), request.POST.get("reason", ""), ""
    if request.method == "POST":
        try:
            services.review(review_id, score, reason, actor_of(request))
        except InvalidValue as error:
            problem = error.field
        except TransitionRefused:
            messages.error(request, _("Người khác vừa bình duyệt kết quả này."))
            return HttpResponseRedirect(reverse("peer_reviews:inbox"))
        else:
            messages.success(request, _("Đã ghi bình duyệt."))
            return HttpResponseRedirect(reverse("peer_reviews:inbox"))
    if found is None:
        raise NotFound("no such review for this user", field="review")
    exam = found.version.reading.procedure
    record(actor_of(request), "peer_review.opened", subject=f"peer_review:{found.pk}", patient_id=exam.patient_id)
    content = content_of(found.version)
    titles = titles_of(content, usual_headings())
    context = {
        "review": found,
        "exam": exam,
        "sections": [(code, titles[code], text) for code, text in texts_of(content).items() if text],
        "scores": list(Score),
        "score": score,
        "reason": reason,
        "problem": problem,
    }
    return render(request, "peer_reviews/review.html", context, status=422 if problem else 200)


@requires(Function.MANAGE_PEER_REVIEWS)
@require_GET
def results(request: UserRequest) -> HttpResponse:
    """Scores by reader, and every review with its reason."""
    wanted = Wanted.of(request.GET.dict())
    since, until = wanted.period.begins_at, wanted.period.ends_at
    record(actor_of(request), "peer_review.results_viewed", subject="peer_review:results")
    reviews = [each for _number, each in zip(range(MOST_SHOWN), statistics.reviews(since, until), strict=False)]
    context = {
        "wanted": wanted,
        "period": wanted.period,
        "readers": statistics.by_reader(since, until),
        "reviews": reviews,
        "scores": list(Score),
    }
    return render(request, "peer_reviews/results.html", context)


@requires(Function.MANAGE_PEER_REVIEWS)
@require_GET
def export(request: UserRequest) -> HttpResponseBase:
    """The same as an Excel workbook; who took it is written down."""
    period = Wanted.of(request.GET.dict()).period
    record(
        actor_of(request), "peer_review.exported", subject="peer_review:results", first=period.first.isoformat(),
        last=period.last.isoformat(),
    )  # fmt: skip
    file = TemporaryFile()  # noqa: SIM115 - closed by the answer when it has been sent
    write_workbook(file, sheets_of(period), ZoneInfo(settings.QUANG.site.time_zone))
    file.seek(0)
    filename = f"peer-reviews-{period.first:%Y%m%d}-{period.last:%Y%m%d}.xlsx"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = FileResponse(file, as_attachment=True, filename=filename, content_type=kind)
    response["Cache-Control"] = "no-store"
    return response


class RuleForm(forms.Form):
    """Conditions, either of them empty, and the share."""

    modality = forms.RegexField(
        r"^[A-Za-z0-9]{0,16}$",
        required=False,
        error_messages={"invalid": gettext_lazy("Ghi mã loại máy như CT, MR, DX.")},
    )
    service_code = forms.CharField(max_length=64, required=False)
    percent = forms.IntegerField(
        min_value=1,
        max_value=100,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), gettext_lazy("Ghi một số từ 1 đến 100.")
        ),
    )
    blinded = forms.BooleanField(required=False, initial=True)
    told_to_reader = forms.BooleanField(required=False, initial=True)


@requires(Function.MANAGE_PEER_REVIEWS)
@require_http_methods(["GET", "POST"])
def rules(request: UserRequest) -> HttpResponse:
    """All rules, the most particular first; a form for another."""
    form = RuleForm(request.POST) if request.method == "POST" else RuleForm()
    if form.is_bound and form.is_valid():
        services.set_rule(actor_of(request), **form.cleaned_data)
        messages.success(request, _("Đã lưu quy tắc bình duyệt."))
        return HttpResponseRedirect(reverse("peer_reviews:rules"))
    rows = PeerReviewRule.objects.order_by("-service_code", "-modality", "pk")
    context = {"form": form, "rows": rows}
    return render(request, "peer_reviews/rules.html", context, status=422 if form.errors else 200)


@requires(Function.MANAGE_PEER_REVIEWS)
@require_POST
def remove(request: UserRequest, rule_id: int) -> HttpResponse:
    """Take one away; what it has drawn stays."""
    services.remove_rule(rule_id, actor_of(request))
    messages.success(request, _("Đã bỏ quy tắc bình duyệt."))
    return HttpResponseRedirect(reverse("peer_reviews:rules"))
