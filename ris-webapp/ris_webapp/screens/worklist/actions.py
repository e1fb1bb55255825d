"""What is done from the list: to many exams at once, with a way back; saved lists, folders, columns."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may, roles_in_force
from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.exam_lists import services, starting
from ris_core.orders.models import RequestedProcedure
from ris_core.sight.errors import OutOfSight
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number, whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.worklist.columns import allowed
from ris_webapp.screens.worklist.filters import Filter
from ris_webapp.screens.worklist.side import COUNTS, side_for

_SHARING = (Function.READ_EXAM, Function.ADMINISTER, Function.MANAGE_ORDERS)
"""Who may give a list to others."""


@requires(Function.VIEW_WORKLIST)
@require_GET
def side(request: UserRequest) -> HttpResponse:
    """The lists beside the worklist with their counts; ``?…`` is the filter that is shown."""
    present = Filter.parse(request.GET.dict())
    context = {
        "side": side_for(request.user, present),
        "may_share": any(may(request.user.role, function) for function in _SHARING),
        "own_start": starting.has_own_start(request.user),
        "roles": [role.code for role in roles_in_force().values() if role.active],
    }
    return render(request, "worklist/side.html", context)


@requires(Function.VIEW_WORKLIST)
@require_POST
def bulk(request: UserRequest) -> HttpResponse:
    """Do ``action`` to ``exams`` with ``target``: what was done as a sentence, and what takes it back.

    :raises InvalidValue: an action that there is not, or no exam
    """
    exams = whole_numbers(request.POST.get("exams", "").split(","))
    action, target = request.POST.get("action", ""), request.POST.get("target", "")
    if not exams:
        raise InvalidValue("no exam was chosen", field="exams")
    _refuse_unseen(request, [*exams, *_exams_named_in(request.POST.get("target", ""))])
    actor = actor_of(request)
    match action:
        case "tag":
            tag, changed = services.tag_exams(target, exams, actor)
            text = ngettext(
                "Đã gắn thẻ “%(name)s” cho %(count)d ca", "Đã gắn thẻ “%(name)s” cho %(count)d ca", len(changed)
            )
            return _done(text, tag.name, changed, "untag", tag.pk)
        case "untag":
            tag, changed = services.untag_exams(_key(target), exams, actor)
            text = ngettext(
                "Đã gỡ thẻ “%(name)s” khỏi %(count)d ca", "Đã gỡ thẻ “%(name)s” khỏi %(count)d ca", len(changed)
            )
            return _done(text, tag.name, changed, "tag", tag.name)
        case "folder":
            folder, changed = services.put_in_folder(target, exams, actor)
            text = ngettext(
                "Đã đưa %(count)d ca vào hồ sơ “%(name)s”", "Đã đưa %(count)d ca vào hồ sơ “%(name)s”", len(changed)
            )
            return _done(text, folder.name, changed, "unfolder", folder.pk)
        case "unfolder":
            folder, changed = services.take_out_of_folder(_key(target), exams, actor)
            text = ngettext(
                "Đã lấy %(count)d ca khỏi hồ sơ “%(name)s”", "Đã lấy %(count)d ca khỏi hồ sơ “%(name)s”", len(changed)
            )
            return _done(text, folder.name, changed, "folder", folder.name)
        case "assign":
            return _assign(request, exams, whole_number(target))
        case "reassign":
            return _reassign(request, target)
    raise InvalidValue("there is no such action", field="action")


def _exams_named_in(target: str) -> list[int]:
    """The exams that an undo names: ``exam:reader`` pairs."""
    return whole_numbers(pair.partition(":")[0] for pair in target.split(";") if ":" in pair)


def _refuse_unseen(request: UserRequest, exams: list[int]) -> None:
    """:raises OutOfSight: one of the exams is hidden from the user"""
    chosen = RequestedProcedure.objects.filter(pk__in=exams)
    if seen_exams(chosen, request.user).distinct().count() != chosen.count():
        raise OutOfSight("outside what this account sees", field="exams")


def _assign(request: UserRequest, exams: list[int], reader_id: int | None) -> HttpResponse:
    if not may(request.user.role, Function.READ_EXAM):
        raise NotPermitted("this role may not ask readers", field="assign")
    before = services.assign_exams(reader_id, exams, actor_of(request))
    reader = services.readers().filter(pk=reader_id).first() if reader_id else None
    if reader:
        text = ngettext("Đã giao %(count)d ca cho %(name)s", "Đã giao %(count)d ca cho %(name)s", len(before))
    else:
        text = ngettext("Đã thôi giao %(count)d ca%(name)s", "Đã thôi giao %(count)d ca%(name)s", len(before))
    back = ";".join(f"{exam}:{holder or ''}" for exam, holder in before.items())
    return _done(text, reader.full_name if reader else "", list(before), "reassign", back)


def _reassign(request: UserRequest, target: str) -> HttpResponse:
    """Every exam goes back to whom it was assigned before."""
    if not may(request.user.role, Function.READ_EXAM):
        raise NotPermitted("this role may not ask readers", field="assign")
    by_reader: dict[int | None, list[int]] = {}
    for pair in target.split(";"):
        exam, _separator, holder = pair.partition(":")
        by_reader.setdefault(whole_number(holder), []).extend(whole_numbers([exam]))
    changed = [
        exam for holder, exams in by_reader.items() for exam in services.assign_exams(holder, exams, actor_of(request))
    ]
    return JsonResponse({"text": _("Đã hoàn tác"), "exams": changed, "undo": None})


def _done(text: str, name: str, changed: list[int], undo: str, target: object) -> HttpResponse:
    COUNTS.forget()
    back: dict[str, Any] | None = {"action": undo, "target": str(target)} if changed else None
    return JsonResponse({"text": text % {"name": name, "count": len(changed)}, "exams": changed, "undo": back})


def _key(text: str) -> int:
    key = whole_number(text)
    if key is None:
        raise NotFound("there is no such tag or folder", field="target")
    return key


@requires(Function.VIEW_WORKLIST)
@require_POST
def save_list(request: UserRequest) -> HttpResponse:
    """Save the filter that is shown under ``name``, for oneself or for a role."""
    shared = request.POST.get("shared") == "1"
    if shared and not any(may(request.user.role, function) for function in _SHARING):
        raise NotPermitted("this role may not share lists", field="shared")
    role = request.POST.get("role", "")
    present = Filter.parse(request.POST.dict())
    services.save_list(
        request.POST.get("name", ""),
        present.parameters(),
        actor_of(request),
        shared=shared,
        role=role if role in roles_in_force() else "",
    )
    return HttpResponse(status=204)


@requires(Function.VIEW_WORKLIST)
@require_POST
def choose_start(request: UserRequest) -> HttpResponse:
    """Begin with the filter that is shown, or with ``usual`` as before; for oneself, or as administrator for a role."""
    present = None if "usual" in request.POST else Filter.parse(request.POST.dict()).parameters()
    role = request.POST.get("role", "")
    if not role:
        starting.choose_start(present, actor_of(request))
    elif may(request.user.role, Function.ADMINISTER):
        starting.set_start_of_role(role, present, actor_of(request))
    else:
        raise NotPermitted("this role may not say with what others begin", field="role")
    return HttpResponse(status=204)


@requires(Function.VIEW_WORKLIST)
@require_POST
def delete_list(request: UserRequest, list_id: int) -> HttpResponse:
    """Delete a list: one's own, or as administrator any that is shared. The answer can save it again."""
    gone = services.delete_list(list_id, actor_of(request), everybodys=may(request.user.role, Function.ADMINISTER))
    again = {**gone.parameters, "name": gone.name, "shared": "1" if gone.shared else "", "role": gone.role}
    return JsonResponse({"text": _("Đã xoá danh sách “%(name)s”") % {"name": gone.name}, "again": again})


@requires(Function.VIEW_WORKLIST)
@require_POST
def delete_folder(request: UserRequest, folder_id: int) -> HttpResponse:
    """Delete one's folder; the exams stay where they are. The answer can fill it again."""
    exams = list(
        services.folders_of(request.user.pk).filter(pk=folder_id).values_list("exams__procedure_id", flat=True)
    )
    gone = services.delete_folder(folder_id, actor_of(request))
    COUNTS.forget()
    held = [exam for exam in exams if exam is not None][: services.MOST_AT_ONCE]
    return JsonResponse({"text": _("Đã xoá hồ sơ “%(name)s”") % {"name": gone.name}, "name": gone.name, "exams": held})


@requires(Function.VIEW_WORKLIST)
@require_POST
def columns(request: UserRequest) -> HttpResponse:
    """See the ``columns`` named, in this order; none: what everybody sees."""
    names = request.POST.get("columns", "").split()
    services.choose_columns(allowed(names) if names else None, actor_of(request))
    return HttpResponse(status=204)
