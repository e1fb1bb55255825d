"""What one does on the reading page; each is one use case of the domain, answered in JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, QuangError
from ris_core.reports import holding, services
from ris_core.reports.content import Content
from ris_core.reports.errors import DraftConflict
from ris_core.reports.models import Reading, VersionStatus
from ris_core.reports.phrases import add_word
from ris_core.reports.rendering import texts_of
from ris_core.second_readings import services as second_readings
from ris_core.second_readings.models import Opinion
from ris_core.second_readings.plans import shown_reading
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.reading.addresses import page_address
from ris_webapp.screens.reading.bodies import (
    MAXIMUM_PRIORS_BESIDE,
    ApproveBody,
    ConcludeBody,
    ContentBody,
    DraftBody,
    HandOverBody,
    JudgeBody,
    NextBody,
    PriorsBody,
    TakeOverBody,
    TemplateBody,
    WordBody,
    body_of,
)
from ris_webapp.screens.reading.history import standing_against
from ris_webapp.screens.reading.next_exam import claim_next
from ris_webapp.screens.reading.priors import OpenedPrior, open_priors
from ris_webapp.screens.reading.refusals import answer_conflict, answer_refusal
from ris_webapp.screens.reading.status import clock_with_seconds, reading_page, status_of, viewer_addresses
from ris_webapp.screens.reading.views import exam_or_refuse, grant_exam, record_opened
from ris_webapp.screens.viewer_launch.grants import grant_viewing

Action = Callable[..., HttpResponseBase]


def action(*functions: Function) -> Callable[[Action], Action]:
    """A POST for users with one of ``functions``; refusals of the domain are answered in the user's words."""

    def decorate(view: Action) -> Action:
        @requires(*functions)
        @require_POST
        @wraps(view)
        def guarded(request: UserRequest, *args: int, **kwargs: int) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except QuangError as error:
                return answer_refusal(error)

        return guarded

    return decorate


@action(Function.READ_EXAM)
def claim(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Take the exam for reading."""
    exam = exam_or_refuse(exam_id)
    holding.claim(services.open_reading(exam.pk).pk, actor_of(request))
    return _status(request, exam_id)


@action(Function.OVERRIDE_READING)
def take_over(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Take the exam with its draft from whoever holds it, and say why."""
    holding.take_over(_reading(request, exam_id).pk, body_of(request, TakeOverBody).reason, actor_of(request))
    return _status(request, exam_id)


@action(Function.APPROVE_PRELIMINARY)
def conclude(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Keep the draft as one's opinion, where several read the exam."""
    reading = _reading(request, exam_id)
    try:
        second_readings.conclude(reading.pk, body_of(request, ConcludeBody).revision, actor_of(request))
    except DraftConflict as conflict:
        return answer_conflict(reading, conflict, Content())
    return _status(request, exam_id)


@action(Function.APPROVE_REPORT)
def judge(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Say how far another reader's opinion agrees."""
    body = body_of(request, JudgeBody)
    if not Opinion.objects.filter(pk=int(body.opinion), procedure_id=exam_id).exists():
        raise NotFound("no such opinion of this exam")
    second_readings.judge(int(body.opinion), body.agreement, actor_of(request))
    return _status(request, exam_id)


@action(Function.READ_EXAM)
def hand_over(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Give the exam that one holds to another reader."""
    holding.hand_over(_reading(request, exam_id).pk, int(body_of(request, HandOverBody).reader), actor_of(request))
    return _status(request, exam_id)


@action(Function.READ_EXAM)
def release(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Give the exam back; the draft stays with it."""
    holding.release(_reading(request, exam_id).pk, actor_of(request))
    return _status(request, exam_id)


@action(Function.APPROVE_REPORT)
def amend(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Open an approved report for correction."""
    services.amend(_reading(request, exam_id).pk, actor_of(request))
    return _status(request, exam_id)


@action(Function.READ_EXAM)
def draft(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Keep what has been typed over ``revision``; 409 with the other draft when somebody saved in between."""
    body = body_of(request, DraftBody)
    reading = _reading(request, exam_id)
    content = body.report()
    try:
        revision = services.save_draft(reading.pk, body.revision, content, actor_of(request), body.window)
    except DraftConflict as conflict:
        return answer_conflict(reading, conflict, content)
    return JsonResponse(_saved(reading, revision))


@action(Function.READ_EXAM)
def differences(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """How what was typed and is not on the server differs from what is there; changes nothing."""
    mine = body_of(request, ContentBody).report()
    return JsonResponse(standing_against(reading_page(request.user, exam_or_refuse(exam_id)), mine))


@action(Function.READ_EXAM)
def template(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Fill the draft's empty sections from a template."""
    body = body_of(request, TemplateBody)
    reading = _reading(request, exam_id)
    try:
        applied = services.apply_template(
            reading.pk, body.template_id, body.revision, actor_of(request), frozenset(body.replace)
        )
    except DraftConflict as conflict:
        return answer_conflict(reading, conflict, Content())
    return JsonResponse(
        {
            **_saved(reading, applied.revision),
            "content": applied.content.as_json(),
            "texts": texts_of(applied.content),
            "notReplaced": list(applied.not_replaced),
        }
    )


@action(Function.APPROVE_REPORT, Function.APPROVE_PRELIMINARY)
def approve(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Approve the draft of ``revision``; with ``next``, claim the next exam and tell its address."""
    body = body_of(request, ApproveBody)
    reading = _reading(request, exam_id)
    actor = actor_of(request)
    try:
        version = services.approve(reading.pk, body.revision, VersionStatus(body.status), actor)
    except DraftConflict as conflict:
        return answer_conflict(reading, conflict, Content())
    following = claim_next(actor, request.user, after=exam_id) if body.next else None
    return JsonResponse({"version": version.number, "next": page_address(following.pk) if following else None})


@action(Function.READ_EXAM)
def next_exam(request: UserRequest) -> HttpResponseBase:
    """Claim the next exam that waits and tell its address; none when nothing waits."""
    body = body_of(request, NextBody)
    following = claim_next(actor_of(request), request.user, modality=body.modality, after=body.after)
    return JsonResponse({"address": page_address(following.pk) if following else None})


@action(Function.MANAGE_TEMPLATES)
def learn_word(request: UserRequest) -> HttpResponseBase:
    """Have the spelling check take a word for right from now on, for everybody."""
    return JsonResponse({"word": add_word(body_of(request, WordBody).word, actor_of(request)).word})


@action(Function.VIEW_IMAGES)
def compare(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Grant the images of priors and tell where they lie beside the exam's; written down for each prior."""
    exam = exam_or_refuse(exam_id)
    shown = reading_page(request.user, exam)
    beside = _priors_with_images(request, exam_id)
    if not beside:
        raise NotFound("this exam of the patient has no images")
    record_opened(request, exam, beside)
    hung = shown.hung.comparing(prior.exam for prior in beside)
    response = JsonResponse(viewer_addresses(exam, shown.images.study_uids, beside, hung))
    grant_exam(request, response, shown)
    grant_viewing(request, response, [prior.study_uids for prior in beside], request.user.username)
    return response


@action(Function.VIEW_IMAGES)
def keep(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Renew the grants of a page that is in use; who holds the exam is at work on it."""
    holding.keep_held(exam_id, actor_of(request))
    shown = reading_page(request.user, exam_or_refuse(exam_id))
    response = JsonResponse({})
    grant_exam(request, response, shown)
    beside = _priors_with_images(request, exam_id)
    grant_viewing(request, response, [prior.study_uids for prior in beside], request.user.username)
    return response


def _priors_with_images(request: UserRequest, exam_id: int) -> list[OpenedPrior]:
    wanted = body_of(request, PriorsBody).priors[:MAXIMUM_PRIORS_BESIDE]
    return [prior for prior in open_priors(exam_or_refuse(exam_id), wanted, request.user) if prior.study_uids]


def _reading(request: UserRequest, exam_id: int) -> Reading:
    """:raises NotFound: no such exam, or nobody has begun to read it"""
    reading = shown_reading(exam_id, request.user.pk)
    if reading is None:
        raise NotFound("nobody has begun to read this exam")
    return reading


def _saved(reading: Reading, revision: int) -> dict[str, object]:
    reading.refresh_from_db(fields=["draft_saved_at"])
    return {"revision": revision, "savedAt": clock_with_seconds(reading.draft_saved_at)}


def _status(request: UserRequest, exam_id: int) -> HttpResponseBase:
    shown = reading_page(request.user, exam_or_refuse(exam_id))
    response = JsonResponse(status_of(request, shown))
    grant_exam(request, response, shown)
    return response
