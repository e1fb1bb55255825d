"""Whose images these are, and whether they come into the archive."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, QuangError
from ris_core.imports.models import ImportPatient
from ris_core.imports.services import decide, end_import, import_of, reject_import, store_import
from ris_core.sight.errors import OutOfSight
from ris_core.sight.seeing import sees_patient
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.imports.views import page
from ris_webapp.screens.imports.words import problem_words


@requires(Function.IMPORT_IMAGES)
@require_POST
def say(request: UserRequest, import_id: int, found_id: int) -> HttpResponse:
    """``who`` is the key of a patient, ``new`` or ``skip``."""
    found = import_of(import_id, actor_of(request))
    if not ImportPatient.objects.filter(pk=found_id, of=found).exists():
        raise NotFound("there is no such patient in the import", field="patient")
    who = request.POST.get("who", "")
    chosen = whole_number(who)
    if chosen is not None and not sees_patient(request.user, chosen):
        raise OutOfSight("outside what this account sees", field="sight")
    decision = "EXISTING" if chosen is not None else {"new": "NEW", "skip": "SKIP"}.get(who, "")
    try:
        decide(
            found_id, decision, actor_of(request), chosen=chosen, issuer=request.POST.get("issuer", ""),
            reason=request.POST.get("reason", ""),
        )  # fmt: skip
    except QuangError as error:
        return page(request, found, {found_id: (problem_words(error.code, error.field), error.code)}, status=422)
    return HttpResponseRedirect(reverse("imports:one", args=[import_id]))


@requires(Function.IMPORT_IMAGES)
@require_POST
def store(request: UserRequest, import_id: int) -> HttpResponse:
    """Have everything stored that was decided."""
    try:
        store_import(import_id, actor_of(request))
    except QuangError as error:
        messages.error(request, str(problem_words(error.code, error.field)))
    return HttpResponseRedirect(reverse("imports:one", args=[import_id]))


@requires(Function.IMPORT_IMAGES)
@require_POST
def end(request: UserRequest, import_id: int) -> HttpResponse:
    """Let be what was refused."""
    end_import(import_id, actor_of(request))
    messages.success(request, _("Đã bỏ phần không nhập được; ảnh đã nhập vẫn ở trong kho."))
    return HttpResponseRedirect(reverse("imports:one", args=[import_id]))


@requires(Function.IMPORT_IMAGES)
@require_POST
def reject(request: UserRequest, import_id: int) -> HttpResponse:
    """Throw it away."""
    reject_import(import_id, actor_of(request))
    messages.success(request, _("Đã bỏ lần nhập này; không ảnh nào vào kho."))
    return HttpResponseRedirect(reverse("imports:imports"))
