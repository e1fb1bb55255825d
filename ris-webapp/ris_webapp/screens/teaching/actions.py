"""What is done with a teaching case: opened for everybody, withdrawn, deleted, taken out as a file."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import TransitionRefused
from ris_core.exports.errors import NoRoomForExport
from ris_core.exports.teaching_cases import ask_for_case
from ris_core.teaching.errors import CaseClosed, TeachingInvalid
from ris_core.teaching.services import case_for, delete_case, exam_of, open_case, remove_image, withdraw_case
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.exports.words import problem_words
from ris_webapp.screens.teaching.words import CLOSED, PROBLEMS


@requires(Function.MAKE_TEACHING, Function.MANAGE_TEACHING)
@require_POST
def remove(request: UserRequest, case_id: int, position: int) -> HttpResponse:
    """Take one picture out."""
    remove_image(case_id, position, request.user, actor_of(request))
    messages.success(request, _("Đã bỏ hình khỏi ca."))
    return _to(case_id)


@requires(Function.MAKE_TEACHING, Function.MANAGE_TEACHING)
@require_POST
def open_(request: UserRequest, case_id: int) -> HttpResponse:
    """Show it to everybody, as it was on the page where they looked."""
    try:
        version = whole_number(request.POST.get("version", "")) or 0
        open_case(case_id, request.user, actor_of(request), version=version)
    except TransitionRefused:
        messages.error(request, PROBLEMS["changed"])
    except TeachingInvalid as error:
        messages.error(request, PROBLEMS["waiting" if error.field == "waiting" else "none_shown"])
    except CaseClosed as error:
        messages.error(request, CLOSED[str(error.field).upper()])
    else:
        messages.success(request, _("Ca đã mở cho mọi người có quyền xem ca giảng dạy."))
    return _to(case_id)


@requires(Function.MAKE_TEACHING, Function.MANAGE_TEACHING)
@require_POST
def withdraw(request: UserRequest, case_id: int) -> HttpResponse:
    """Show it to nobody else any more."""
    withdraw_case(case_id, request.POST.get("because", ""), request.user, actor_of(request))
    messages.success(request, _("Đã rút ca. Chỉ người soạn và người quản lý còn thấy; có thể mở lại."))
    return _to(case_id)


@requires(Function.MANAGE_TEACHING)
@require_POST
def delete(request: UserRequest, case_id: int) -> HttpResponse:
    """For good."""
    delete_case(case_id, request.user, actor_of(request))
    messages.success(request, _("Đã xoá hẳn ca giảng dạy. Ảnh và kết quả của ca chụp không bị ảnh hưởng."))
    return HttpResponseRedirect(reverse("teaching:cases"))


@requires(Function.MAKE_TEACHING, Function.MANAGE_TEACHING)
@require_POST
def exam(request: UserRequest, case_id: int) -> HttpResponse:
    """To the exam that it is of; written down."""
    return HttpResponseRedirect(reverse("reading:page", args=[exam_of(case_id, request.user, actor_of(request))]))


@requires(Function.EXPORT_EXAM)
@require_POST
def export(request: UserRequest, case_id: int) -> HttpResponse:
    """Have it made into a ZIP."""
    case = case_for(case_id, request.user)
    try:
        ask_for_case(case, request.user, actor_of(request), with_dicom=bool(request.POST.get("with_dicom")))
    except (NoRoomForExport, CaseClosed) as error:
        messages.error(request, problem_words(error.code))
        return _to(case_id)
    return HttpResponseRedirect(reverse("exports:exports"))


def _to(case_id: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("teaching:case", args=[case_id]))
