"""One's own password, changed when one likes and before anything else when it must be; where one is logged in."""

from __future__ import annotations

from django.contrib import auth, messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.access.sessions import sessions_of
from ris_core.accounts.services import change_own_password, must_renew_password, password_due_at
from ris_core.errors import InvalidValue
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.accounts.browsers import browser_of
from ris_webapp.screens.accounts.forms import PasswordForm
from ris_webapp.sessions import GRANT, end_elsewhere, logged_in_at, renew_password_in


@sensitive_post_parameters()
@requires()
@require_http_methods(["GET", "POST"])
def password(request: UserRequest) -> HttpResponse:
    """The form; this session goes on with the new password, the user's others are over."""
    form = PasswordForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        chosen = form.cleaned_data
        try:
            user = change_own_password(request.user.pk, chosen["present"], chosen["wanted"], actor_of(request))
        except InvalidValue as error:
            form.refuse(error)
        else:
            auth.update_session_auth_hash(request, user)
            renew_password_in(request.session, user)
            messages.success(request, _("Đã đổi mật khẩu. Các phiên khác của bạn đã kết thúc."))
            return HttpResponseRedirect(resolve_url("worklist:worklist"))
    context = {
        "form": form,
        "forced": must_renew_password(request.user, logged_in_at(request.session)),
        "due_at": password_due_at(request.user),
        "rules": password_validators_help_texts(),
    }
    return render(request, "accounts/password.html", context, status=422 if form.errors else 200)


@requires()
@require_GET
def sessions(request: UserRequest) -> HttpResponse:
    """Where the user is logged in now, this browser first."""
    here = request.session.get(GRANT, "")
    rows = [
        {"session": session, "here": session.key == here, "browser": browser_of(session.browser)}
        for session in sessions_of(request.user.pk)
    ]
    rows.sort(key=lambda row: not row["here"])
    return render(request, "accounts/sessions.html", {"rows": rows, "others": any(not row["here"] for row in rows)})


@requires()
@require_POST
def end(request: UserRequest, session_id: int) -> HttpResponse:
    """Log oneself out somewhere else."""
    end_elsewhere(session_id, actor_of(request))
    messages.success(request, _("Đã kết thúc phiên."))
    return HttpResponseRedirect(resolve_url("accounts:sessions"))


@requires()
@require_POST
def end_others(request: UserRequest) -> HttpResponse:
    """Log oneself out everywhere but here."""
    here = request.session.get(GRANT, "")
    for session in sessions_of(request.user.pk).exclude(key=here):
        end_elsewhere(session.pk, actor_of(request))
    messages.success(request, _("Đã kết thúc các phiên khác."))
    return HttpResponseRedirect(resolve_url("accounts:sessions"))
