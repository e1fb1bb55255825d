"""Roles: what each may do, made, copied, changed, withdrawn and given back by an administrator (P17, Q6)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts import managing_roles
from ris_core.accounts.managing_roles import GivesOneself
from ris_core.accounts.models import User
from ris_core.accounts.roles import RoleInForce, roles_in_force
from ris_core.accounts.rules import READY_ROLES, Function
from ris_core.audit.models import AuditEvent
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.role_words import FUNCTION_GROUPS, GIVEN_BY_ANOTHER, role_name

LATEST_EVENTS = 20


@requires(Function.MANAGE_ACCOUNTS)
@require_GET
def roles(request: UserRequest) -> HttpResponse:
    """Every role, with how many accounts have it."""
    people = Counter(User.objects.filter(is_active=True).values_list("role", flat=True))
    rows = [(role, people[role.code]) for role in roles_in_force().values()]
    return render(request, "roles/roles.html", {"rows": rows, "all_functions": len(Function)})


@requires(Function.MANAGE_ACCOUNTS)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """A new role; ``?copy=`` begins with what another may do."""
    if request.method == "POST":
        chosen = request.POST.getlist("functions")
        try:
            made = managing_roles.create_role(
                request.POST.get("name", ""), chosen, actor_of(request), own_only="own_only" in request.POST
            )
        except InvalidValue as error:
            return _form(request, None, request.POST.get("name", ""), set(chosen), _told(error))
        messages.success(request, _("Đã tạo vai trò %(name)s.") % {"name": made.name})
        return HttpResponseRedirect(resolve_url("roles:roles"))
    copied = roles_in_force().get(request.GET.get("copy", ""))
    name = _("%(name)s (bản sao)") % {"name": role_name(copied.code)} if copied else ""
    return _form(request, None, name, set(copied.functions) if copied else set())


@requires(Function.MANAGE_ACCOUNTS)
@require_http_methods(["GET", "POST"])
def role(request: UserRequest, code: str) -> HttpResponse:
    """One role: what it may do, who has it, what happened to it."""
    known = roles_in_force().get(code)
    if known is None:
        raise NotFound("there is no such role", field="role")
    if request.method == "GET":
        return _form(request, known, role_name(code), set(known.functions))
    name, chosen = request.POST.get("name", ""), request.POST.getlist("functions")
    if known.is_ready and name == role_name(code):
        name = known.name
    try:
        managing_roles.change_role(code, name, chosen, actor_of(request), own_only="own_only" in request.POST)
    except InvalidValue as error:
        return _form(request, known, name, set(chosen), _told(error))
    except GivesOneself:
        return _form(request, known, name, set(chosen), {"functions": str(GIVEN_BY_ANOTHER)})
    except TransitionRefused:
        told = {"functions": _("Phải còn ít nhất một người quản lý được tài khoản.")}
        return _form(request, known, name, set(chosen), told)
    messages.success(request, _("Đã lưu vai trò %(name)s. Có hiệu lực ngay.") % {"name": role_name(code)})
    return HttpResponseRedirect(resolve_url("roles:roles"))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def withdraw(request: UserRequest, code: str) -> HttpResponse:
    """No account gets the role any more."""
    try:
        managing_roles.withdraw_role(code, actor_of(request))
    except TransitionRefused:
        messages.error(request, _("Còn tài khoản đang dùng vai trò này; hãy đổi vai trò của họ trước."))
    else:
        messages.success(request, _("Đã ngừng vai trò %(name)s.") % {"name": role_name(code)})
    return HttpResponseRedirect(resolve_url("roles:role", code))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def restore(request: UserRequest, code: str) -> HttpResponse:
    """Give a withdrawn role back."""
    managing_roles.restore_role(code, actor_of(request))
    messages.success(request, _("Vai trò %(name)s dùng lại được.") % {"name": role_name(code)})
    return HttpResponseRedirect(resolve_url("roles:role", code))


def _form(
    request: UserRequest, known: RoleInForce | None, name: str, chosen: set[Any], wrong: dict[str, str] | None = None
) -> HttpResponse:
    code = known.code if known else ""
    shown = known or roles_in_force().get(request.GET.get("copy", ""))
    context = {
        "known": known,
        "name": name,
        "chosen": chosen,
        "wrong": wrong or {},
        "groups": FUNCTION_GROUPS,
        "ready": READY_ROLES.get(code),
        "own_only": "own_only" in request.POST if request.method == "POST" else (shown.own_only if shown else False),
        "people": User.objects.filter(role=code, is_active=True).order_by("full_name", "pk")[:100] if code else (),
        "events": AuditEvent.objects.filter(subject=f"role:{code}").order_by("-at", "-pk")[:LATEST_EVENTS],
    }
    return render(request, "roles/role.html", context, status=422 if wrong else 200)


def _told(error: InvalidValue) -> dict[str, str]:
    told = {
        "name": _("Hãy ghi một tên chưa vai trò nào dùng, nhiều nhất 64 chữ."),
        "functions": _("Hãy chọn ít nhất một quyền."),
    }
    return {error.field: told.get(error.field, error.detail)}
