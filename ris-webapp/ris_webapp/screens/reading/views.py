"""The reading page, its fragments, and the window with only the images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from itertools import zip_longest

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import Content
from ris_core.reports.local_keeping import local_key
from ris_core.reports.rendering import texts_of, titles_of
from ris_core.reports.texts import content_of
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.reading.addresses import script_addresses
from ris_webapp.screens.reading.differences import section_differences
from ris_webapp.screens.reading.headings import usual_headings
from ris_webapp.screens.reading.history import standing_against, state_of, states_of
from ris_webapp.screens.reading.priors import OpenedPrior, open_prior, open_priors, priors_of
from ris_webapp.screens.reading.snippets import facts_for, snippets_for, spelling_words
from ris_webapp.screens.reading.status import ReadingPage, reading_page, status_of, viewer_addresses, who_of
from ris_webapp.screens.reading.template_list import templates_for
from ris_webapp.screens.viewer_launch.grants import grant_viewing


def exam_or_refuse(exam_id: int) -> RequestedProcedure:
    """:raises NotFound: no such exam"""
    exam = RequestedProcedure.objects.select_related("patient", "request__visit").filter(pk=exam_id).first()
    if exam is None:
        raise NotFound("no such exam")
    return exam


@requires(Function.VIEW_REPORT)
@require_GET
def page(request: UserRequest, exam_id: int) -> HttpResponse:
    """One screen to read on; opening it grants the exam's images to this browser, and is written down."""
    exam = exam_or_refuse(exam_id)
    shown = reading_page(request.user, exam, with_priors=True)
    record(actor_of(request), "exam.opened", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    record_opened(request, exam, shown.beside)
    response = render(
        request,
        "reading/page.html",
        {
            "exam": exam,
            "page": shown,
            **who_of(exam),
            "priors": priors_of(exam, request.user),
            "status": status_of(request, shown),
            "addresses": script_addresses(exam.pk),
            "templates": templates_for(exam) if shown.rights.sees_draft else [],
            "snippets": snippets_for(exam, request.user) if shown.rights.sees_draft else [],
            "facts": facts_for(exam) if shown.rights.sees_draft else {},
            "dictation": settings.QUANG.reading.dictation and may(request.user.role, Function.READ_EXAM),
            "spelling": spelling_words() if shown.rights.sees_draft else {"own": [], "known": ""},
        },
    )
    if settings.QUANG.reading.dictation:
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
    grant_exam(request, response, shown)
    grant_viewing(request, response, [prior.study_uids for prior in shown.beside], request.user.username)
    return response


def record_opened(request: UserRequest, exam: RequestedProcedure, beside: Iterable[OpenedPrior]) -> None:
    """Write down that the images of other exams were opened beside those of ``exam``."""
    for prior in beside:
        subject = f"exam:{prior.exam.pk}"
        record(actor_of(request), "images.opened", subject=subject, patient_id=prior.exam.patient_id, beside=exam.pk)


@requires(Function.VIEW_REPORT)
@require_GET
def status(request: UserRequest, exam_id: int) -> HttpResponse:
    """The exam as it is now, for the page's scripts; grants images that have come since."""
    shown = reading_page(request.user, exam_or_refuse(exam_id))
    response = JsonResponse(status_of(request, shown))
    grant_exam(request, response, shown)
    return response


def grant_exam(request: UserRequest, response: HttpResponse, shown: ReadingPage) -> None:
    """The viewer grant of exactly the exam's studies; readers may save measurements into them."""
    if shown.sees_images and shown.images.study_uids:
        may_store = may(request.user.role, Function.READ_EXAM)
        grant_viewing(request, response, [shown.images.study_uids], request.user.username, may_store=may_store)


@requires(Function.VIEW_IMAGES)
@require_GET
def images(request: UserRequest, exam_id: int) -> HttpResponse:
    """Only the images, for another screen; ``?with=`` names priors to lie beside them."""
    exam = exam_or_refuse(exam_id)
    shown = reading_page(request.user, exam)
    wanted = whole_numbers(request.GET.get("with", "").split(","))
    beside = [prior for prior in open_priors(exam, wanted[:3], request.user) if prior.study_uids]
    hung = shown.hung.comparing(prior.exam for prior in beside) if beside else shown.hung
    uids = shown.images.study_uids
    addresses = viewer_addresses(exam, uids, beside, hung) if uids else None
    record(actor_of(request), "images.opened", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    record_opened(request, exam, beside)
    response = render(request, "reading/images.html", {"exam": exam, "page": shown, "addresses": addresses})
    grant_exam(request, response, shown)
    grant_viewing(request, response, [prior.study_uids for prior in beside], request.user.username)
    return response


@requires(Function.VIEW_REPORT)
@require_GET
def prior(request: UserRequest, exam_id: int, prior_id: int) -> HttpResponse:
    """The report of another exam of the same person, to read in the drawer."""
    exam = exam_or_refuse(exam_id)
    opened = open_prior(exam, prior_id, request.user)
    if opened is None:
        raise NotFound("no such exam of this patient")
    subject = f"exam:{opened.exam.pk}"
    record(actor_of(request), "prior.opened", subject=subject, patient_id=opened.exam.patient_id, beside=exam.pk)
    content = content_of(opened.version) if opened.version else Content()
    titles = titles_of(content, usual_headings())
    sections = [(code, titles[code], text) for code, text in texts_of(content).items() if text]
    sees_images = may(request.user.role, Function.VIEW_IMAGES)
    reads = may(request.user.role, Function.READ_EXAM)
    address = reverse("reading:prior_differences", args=[exam.pk, opened.exam.pk]) if reads else ""
    context = {
        "prior": opened, "sections": sections, "sees_images": sees_images, "differences_address": address,
    }  # fmt: skip
    return render(request, "reading/prior.html", context)


@requires(Function.READ_EXAM)
@require_GET
def prior_differences(request: UserRequest, exam_id: int, prior_id: int) -> HttpResponse:
    """What the draft says otherwise than the report in force of another exam of the same person, section by section."""
    exam = exam_or_refuse(exam_id)
    opened = open_prior(exam, prior_id, request.user)
    if opened is None or opened.version is None:
        raise NotFound("no such report of this patient")
    subject = f"exam:{opened.exam.pk}"
    record(actor_of(request), "prior.compared", subject=subject, patient_id=opened.exam.patient_id, beside=exam.pk)
    now = reading_page(request.user, exam).content
    differences = section_differences(content_of(opened.version), now)
    return render(request, "reading/differences.html", {"differences": differences})


@requires(Function.VIEW_REPORT)
@require_GET
def versions(request: UserRequest, exam_id: int) -> HttpResponse:
    """Every approved version and earlier draft, newest first; each version with its differences from the one before."""
    exam = exam_or_refuse(exam_id)
    states = states_of(reading_page(request.user, exam))
    record(actor_of(request), "report.history_viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    approved = [state for state in states if state.version]
    history = [
        (state.version, section_differences(before.content, state.content) if before else None)
        for state, before in zip_longest(approved, approved[1:])
    ]
    drafts = [state for state in states if state.kind == "draft"]
    context = {"exam": exam, "history": history, "drafts": drafts, "states": states}
    return render(request, "reading/versions.html", context)


@requires(Function.VIEW_REPORT)
@require_GET
def compare_states(request: UserRequest, exam_id: int) -> HttpResponse:
    """``?older=`` and ``?newer=`` of a report's history, section by section."""
    exam = exam_or_refuse(exam_id)
    shown = reading_page(request.user, exam)
    older, newer = (state_of(shown, request.GET.get(name, "")) for name in ("older", "newer"))
    if older.at and newer.at and older.at > newer.at:
        older, newer = newer, older
    record(actor_of(request), "report.history_viewed", subject=f"exam:{exam.pk}", patient_id=exam.patient_id)
    differences = section_differences(older.content, newer.content)
    context = {"older": older, "newer": newer, "differences": differences}
    return render(request, "reading/compared_states.html", context)


@requires(Function.READ_EXAM)
@require_GET
def draft_state(request: UserRequest, exam_id: int, revision: int) -> HttpResponse:
    """An earlier state of the draft, and how it differs from what is there now: to be taken again, in whole or part."""
    shown = reading_page(request.user, exam_or_refuse(exam_id))
    state = state_of(shown, f"d{revision}")
    record(actor_of(request), "report.history_viewed", subject=f"exam:{exam_id}", patient_id=shown.exam.patient_id)
    return JsonResponse({"mine": state.content.as_json(), "theirs": standing_against(shown, state.content)})


@requires(Function.READ_EXAM)
@require_GET
def local_keep(request: UserRequest) -> HttpResponse:
    """By what this user's browser seals words that the server has not got; only the same user gets it again."""
    hours = settings.QUANG.reading.local_keep_hours
    key = local_key(request.user.pk) if hours > 0 else b""
    return JsonResponse({"owner": request.user.pk, "key": b64encode(key).decode(), "hours": hours})
