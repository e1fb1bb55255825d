"""Write a teaching case: notes beside the exam, images to choose, and what in the notes tells who the patient is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError
from ris_core.errors import NotFound, TransitionRefused
from ris_core.exports.contents import content_of
from ris_core.exports.errors import NothingToExport
from ris_core.key_images.seeing import chosen_of
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import Study
from ris_core.teaching.choosing import Offered, chosen_images, offered_series
from ris_core.teaching.errors import PatientNamed, TeachingInvalid
from ris_core.teaching.models import TeachingCase, TeachingImage
from ris_core.teaching.rules import Notes
from ris_core.teaching.services import (
    case_for,
    cases_for,
    change_case,
    exam_for_case,
    exam_of,
    make_case,
    may_change,
    may_see_exam,
)
from ris_core.teaching.standing import notes_of
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number, whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.teaching.words import CATEGORIES, FIELDS, KINDS, PROBLEMS
from ris_webapp.words import Text

_TIMEOUT_SECONDS = 20.0


@requires(Function.MAKE_TEACHING)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """``?exam=`` names the exam."""
    entered = request.POST if request.method == "POST" else request.GET
    exam_id = whole_number(entered.get("exam", ""))
    if exam_id is None:
        raise NotFound("name an exam", field="exam")
    form = _Form(request)
    try:
        exam = exam_for_case(exam_id, request.user)
    except TeachingInvalid as error:
        return render(request, "teaching/refused.html", {"problem": PROBLEMS[error.field or "images"]}, status=422)
    form.exam = exam
    if request.method == "GET":
        form.notes = Notes(title="", modality=exam.modality if exam.modality.isalpha() else "")
        return form.shown()
    return form.kept(lambda images: make_case(exam, form.notes, images, request.user, actor_of(request)))


@requires(Function.MAKE_TEACHING, Function.MANAGE_TEACHING)
@require_http_methods(["GET", "POST"])
def edit(request: UserRequest, case_id: int) -> HttpResponse:
    """Other notes, and other images where the user sees the exam and chooses some."""
    case = case_for(case_id, request.user)
    if not may_change(request.user, case):
        raise NotFound("there is no such teaching case", field="case")
    form = _Form(request, case)
    form.exam = case.procedure if may_see_exam(request.user, case) else None
    if request.method == "GET":
        form.notes = Notes(**notes_of(case))
        return form.shown()
    version = whole_number(request.POST.get("version", "")) or 0
    actor = actor_of(request)
    return form.kept(
        lambda images: change_case(case.pk, form.notes, request.user, actor, version=version, images=images)
    )


class _Form:
    """One form, as it was filled in."""

    def __init__(self, request: UserRequest, case: TeachingCase | None = None) -> None:
        self.request, self.case = request, case
        self.exam: RequestedProcedure | None = None
        self.notes = Notes.of({name: request.POST.get(name, "") for name in FIELDS})
        self.keys = frozenset(whole_numbers(request.POST.getlist("key_image")))
        self.series = frozenset(request.POST.getlist("series"))
        self.problems: dict[str, Text] = {}
        self.traces: list[tuple[Text, Text, str]] = []

    def kept(self, keep: Any) -> HttpResponse:
        """What was entered is kept, or shown again with what is wrong."""
        self.problems = {field: PROBLEMS[what] for field, what in self.notes.problems().items()}
        images: list[TeachingImage] = []
        try:
            if self.case is None or self.keys or self.series:
                images = self._images()
            if self.problems:
                return self.shown()
            case = keep(images)
        except PatientNamed as error:
            self.traces = [(FIELDS[each.field], KINDS[each.kind], each.text) for each in error.traces]
        except (TeachingInvalid, TransitionRefused) as error:
            self.problems["version" if error.field == "version" else "images"] = PROBLEMS[str(error.field)]
        except EngineError:
            self.problems["images"] = PROBLEMS["engine"]
        else:
            if images:
                messages.success(self.request, _("Đang làm hình ẩn danh. Xem kỹ từng hình rồi mở ca cho mọi người."))
            return HttpResponseRedirect(reverse("teaching:case", args=[case.pk]))
        return self.shown()

    def shown(self) -> HttpResponse:
        """The form."""
        keys, offered = [], list[Offered]()
        if self.exam is not None:
            if self.case is not None:
                exam_of(self.case.pk, self.request.user, actor_of(self.request))  # it is named above: written down
            keys = list(chosen_of(self.exam.pk, self.request.user.pk))
            try:
                with _engine() as engine:
                    offered = offered_series(engine, self._studies())
            except EngineError:
                self.problems["images"] = PROBLEMS["engine"]
            except TeachingInvalid:
                self.problems["images"] = PROBLEMS["images"]
        context = {
            "case": self.case,
            "exam": self.exam,
            "notes": asdict(self.notes),
            "fields": FIELDS,
            "categories": CATEGORIES,
            "body_parts": _body_parts(self.request.user),
            "problems": self.problems,
            "traces": self.traces,
            "key_images": keys,
            "chosen_keys": self.keys,
            "offered": offered,
            "chosen_series": self.series,
            "all_keys": self.request.method == "GET" and self.case is None,
            "most": settings.QUANG.teaching.most_pictures,
        }
        status = 422 if self.problems or self.traces else 200
        return render(self.request, "teaching/form.html", context, status=status if self.request.POST else 200)

    def _images(self) -> list[TeachingImage]:
        if self.exam is None:
            return []
        with _engine() as engine:
            return chosen_images(
                engine, self.exam.pk, self._studies(), self.request.user.pk, self.keys, self.series
            )  # fmt: skip

    def _studies(self) -> Sequence[Study]:
        """:raises TeachingInvalid: none may be shown"""
        assert self.exam is not None  # noqa: S101 - whoever asks has looked
        try:
            return content_of(self.exam, self.request.user, with_report=False).studies
        except NothingToExport as error:
            raise TeachingInvalid("no image of the exam may be shown", field="images") from error


def _body_parts(user: User) -> list[str]:
    """As they have been called so far in cases that are listed for ``user``."""
    said = cases_for(user).exclude(body_part="").order_by("body_part").values_list("body_part", flat=True)
    return list(said.distinct()[:200])


def _engine() -> Engine:
    return Engine.from_settings(settings.QUANG, "web", timeout_seconds=_TIMEOUT_SECONDS)
