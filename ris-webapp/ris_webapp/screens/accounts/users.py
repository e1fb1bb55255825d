"""All accounts: found, opened, changed, withdrawn and given back by an administrator (Q1, Q6)."""

from __future__ import annotations

from axes.utils import reset as forget_failures
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts import services
from ris_core.accounts.managing_roles import GivesOneself
from ris_core.accounts.models import Origin, User
from ris_core.accounts.roles import may, roles_in_force
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import record
from ris_core.directories.models import DirectoryIdentity
from ris_core.errors import InvalidValue, TransitionRefused
from ris_core.names import folded
from ris_core.second_factors.needs import has_second_factor
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.proof import lately_proved
from ris_webapp.role_words import GIVEN_BY_ANOTHER
from ris_webapp.screens.accounts.forms import AccountForm, UserFilter

MOST_SHOWN = 500
LATEST_EVENTS = 20


@requires(Function.MANAGE_ACCOUNTS)
@require_GET
def users(request: UserRequest) -> HttpResponse:
    """Accounts by name; searched with and without diacritics, in any order of the words."""
    chosen = UserFilter(request.GET)
    chosen.full_clean()
    wanted = {name: chosen.cleaned_data.get(name, "") for name in chosen.fields}  # what is wrong narrows nothing
    now = timezone.now()
    rows = User.objects.order_by("full_name", "pk")
    if wanted["role"]:
        rows = rows.filter(role=wanted["role"])
    expired = Q(expires_at__isnull=False, expires_at__lte=now)
    if wanted["state"] == "withdrawn":
        rows = rows.filter(is_active=False)
    elif wanted["state"] == "expired":
        rows = rows.filter(expired, is_active=True)
    elif wanted["state"] == "open":
        rows = rows.filter(is_active=True).exclude(expired)
    words = folded(wanted["q"]).split()
    found = [user for user in rows if _has_all(user, words)]
    context = {
        "rows": found[:MOST_SHOWN],
        "found": len(found),
        "chosen": wanted,
        "roles": list(roles_in_force()),
        "now": now,
        "due_at": services.password_due_at,
    }
    return render(request, "accounts/users.html", context)


def _has_all(user: User, words: list[str]) -> bool:
    text = folded(f"{user.full_name} {user.username} {user.department} {user.email}")
    return all(word in text for word in words)


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """Open an account. The answer shows its first password, this once."""
    form = AccountForm(request.POST if request.method == "POST" else None)
    account = form.account() if form.is_bound else None
    if account:
        try:
            user, password = services.open_account(account, actor_of(request))
        except InvalidValue as error:
            form.refuse(error)
        else:
            return _first_password(request, user, password)
    return render(request, "accounts/edit.html", {"form": form, "account": None}, status=422 if form.errors else 200)


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_http_methods(["GET", "POST"])
def edit(request: UserRequest, user_id: int) -> HttpResponse:
    """One account: what it is, what may be done with it, what happened to it."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise Http404
    entered = AccountForm.entered_of(user)
    kept = entered if user.origin != Origin.LOCAL else {}
    kept = {name: kept[name] for name in services.OF_THE_DIRECTORY if name in kept} | {"username": user.username}
    form = AccountForm({**request.POST.dict(), **kept} if request.method == "POST" else entered)
    if request.method == "POST":
        account = form.account()
        if account:
            try:
                services.change_account(user_id, account, actor_of(request))
            except InvalidValue as error:
                form.refuse(error)
            except GivesOneself:
                form.add_error("role", GIVEN_BY_ANOTHER)
            except TransitionRefused:
                field = "expires_on" if may(account.role, Function.MANAGE_ACCOUNTS) else "role"
                form.add_error(field, _("Phải còn ít nhất một quản trị viên."))
            else:
                messages.success(request, _("Đã lưu tài khoản %(name)s.") % {"name": user.username})
                return HttpResponseRedirect(resolve_url("accounts:users"))
    context = {
        "form": form,
        "account": user,
        "directory": DirectoryIdentity.objects.filter(user=user).first(),
        "second_factor": has_second_factor(user),
        "due_at": services.password_due_at(user),
        "now": timezone.now(),
        "events": AuditEvent.objects.filter(subject=f"user:{user.pk}").order_by("-at", "-pk")[:LATEST_EVENTS],
    }
    return render(request, "accounts/edit.html", context, status=422 if request.method == "POST" else 200)


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_POST
def reset(request: UserRequest, user_id: int) -> HttpResponse:
    """Another first password for who has forgotten theirs."""
    return _first_password(request, *services.reset_password(user_id, actor_of(request)))


@requires(Function.MANAGE_ACCOUNTS)
@lately_proved()
@require_POST
def restore(request: UserRequest, user_id: int) -> HttpResponse:
    """Give a withdrawn account back."""
    user, password = services.restore_account(user_id, actor_of(request))
    if password:
        return _first_password(request, user, password)
    messages.success(request, _("Tài khoản %(name)s lại dùng được.") % {"name": user.username})
    return HttpResponseRedirect(resolve_url("accounts:edit", user_id))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def withdraw(request: UserRequest, user_id: int) -> HttpResponse:
    """Nobody logs in with it any more, from now on."""
    try:
        user = services.withdraw_account(user_id, request.POST.get("reason", ""), actor_of(request))
    except InvalidValue:
        messages.error(request, _("Hãy ghi lý do thu hồi tài khoản."))
    except TransitionRefused:
        messages.error(request, _("Không thu hồi được tài khoản của chính mình hoặc của quản trị viên cuối cùng."))
    else:
        messages.success(request, _("Đã thu hồi tài khoản %(name)s.") % {"name": user.username})
    return HttpResponseRedirect(resolve_url("accounts:edit", user_id))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def log_out(request: UserRequest, user_id: int) -> HttpResponse:
    """End all sessions of somebody."""
    services.end_sessions(user_id, actor_of(request))
    messages.success(request, _("Đã kết thúc mọi phiên của người này."))
    return HttpResponseRedirect(resolve_url("accounts:edit", user_id))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def unlock(request: UserRequest, user_id: int) -> HttpResponse:
    """Forget failed logins, and proofs of identity that failed, so that who is locked out need not wait."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise Http404
    identity = DirectoryIdentity.objects.filter(user=user).first()
    for name in {user.username.lower(), identity.login_name if identity else ""} - {""}:
        forget_failures(username=name)
    record(actor_of(request), "user.unlocked", subject=f"user:{user.pk}")
    messages.success(request, _("Đã mở khoá đăng nhập cho %(name)s.") % {"name": user.username})
    return HttpResponseRedirect(resolve_url("accounts:edit", user_id))


def _first_password(request: UserRequest, user: User, password: str) -> HttpResponse:
    return render(request, "accounts/first_password.html", {"account": user, "password": password})
