"""One study: what arrived and what is stored, its series, what may be done with it, what was done and the way back."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.studies import operations
from ris_core.studies.models import StudyOperation
from ris_core.studies.rejection import Rejection
from ris_core.studies.undoing_operations import undo_operation
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.studies.shown import MOST_SERIES, study_page
from ris_webapp.words import WORDS

REASON_CHARACTERS = 255
Fields = Callable[[str], str]
"""The form's fields of one operation, by name: all operations of a page share the choice of series."""
Operate = Callable[[int, QueryDict, Fields, Actor, str], StudyOperation]


@requires(Function.MANAGE_STUDIES)
@require_GET
def study(request: UserRequest, study_id: int) -> HttpResponse:
    """The page of one study."""
    page = study_page(study_id)
    record(actor_of(request), "study.viewed", subject=f"study:{study_id}", patient_id=page.study.patient_id)
    return render(request, "studies/study.html", {"page": page, "rejections": [one.value for one in Rejection]})


@requires(Function.MANAGE_STUDIES)
@require_POST
def operate(request: UserRequest, study_id: int, operation: str) -> HttpResponse:
    """One of :data:`OPERATIONS`; a refusal is said in a sentence on the page."""
    if operation not in OPERATIONS:
        raise NotFound("there is no such operation", field="operation")
    form, actor = request.POST, actor_of(request)

    def field(name: str) -> str:
        return form.get(f"{name}-{operation}", "").strip()[:REASON_CHARACTERS]

    return _attempt(
        request,
        study_id,
        field("breaking"),
        lambda breaking: OPERATIONS[operation](study_id, form, field, actor, breaking),
        _("Đã ghi nhận; ảnh đang được chuyển."),
    )


@requires(Function.MANAGE_STUDIES)
@require_POST
def undo(request: UserRequest, study_id: int, operation_id: int) -> HttpResponse:
    """Take the latest operation on the study back."""
    reason = request.POST.get("reason", "").strip()[:REASON_CHARACTERS]
    return _attempt(
        request,
        study_id,
        request.POST.get("breaking", "").strip()[:REASON_CHARACTERS],
        lambda breaking: undo_operation(operation_id, actor_of(request), reason, breaking_reason=breaking),
        _("Đã hoàn tác; ảnh đang được đưa về chỗ cũ."),
    )


def _attempt(
    request: UserRequest, study_id: int, breaking: str, act: Callable[[str], StudyOperation], success: str
) -> HttpResponseRedirect:
    """:param breaking: why the lock is broken; counts only from an administrator"""
    try:
        act(breaking if may(request.user.role, Function.ADMINISTER) else "")
    except (InvalidValue, TransitionRefused) as error:
        sentence = WORDS["study_refusal"].get(str(error.field), _("Không làm được với lần chụp này."))
        messages.error(request, f"{sentence} ({error.code})")
    else:
        messages.success(request, success)
    return HttpResponseRedirect(reverse("studies:study", args=[study_id]))


def _series(form: QueryDict) -> list[str]:
    return form.getlist("series")[:MOST_SERIES]


def _target(field: Fields) -> int:
    if not field("target").isdecimal():
        raise InvalidValue("no study chosen", field="target")
    return int(field("target"))


def _rejection(field: Fields) -> Rejection:
    try:
        return Rejection(field("rejection"))
    except ValueError as error:
        raise InvalidValue("no kind of rejection chosen", field="rejection") from error


def _split(study_id: int, form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    return operations.split_study(study_id, _series(form), actor, field("reason"), breaking_reason=breaking)


def _move(study_id: int, form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    return operations.move_series(
        study_id, _series(form), _target(field), actor, field("reason"), breaking_reason=breaking
    )


def _merge(study_id: int, form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    every = form.getlist("every_series")
    return operations.merge_studies(study_id, every, _target(field), actor, field("reason"), breaking_reason=breaking)


def _change_patient(study_id: int, _form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    orders = RequestedProcedure.objects.filter(request__accession_number=field("accession")).order_by("pk")
    procedure = orders.first() if field("accession") else None
    if procedure is None:
        raise InvalidValue("no order has this number", field="accession")
    return operations.change_patient(study_id, procedure.pk, actor, field("reason"), breaking_reason=breaking)


def _reject(study_id: int, form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    series, why = _series(form), _rejection(field)
    return operations.reject_images(study_id, series, why, actor, field("reason"), breaking_reason=breaking)


def _reject_all(study_id: int, _form: QueryDict, field: Fields, actor: Actor, breaking: str) -> StudyOperation:
    return operations.reject_study(study_id, _rejection(field), actor, field("reason"), breaking_reason=breaking)


OPERATIONS: dict[str, Operate] = {
    "split": _split,
    "move": _move,
    "merge": _merge,
    "change-patient": _change_patient,
    "reject": _reject,
    "reject-all": _reject_all,
}
