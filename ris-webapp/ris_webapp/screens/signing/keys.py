"""One's keys: add, unlock for a while, lock, remove. PIN and passphrase go to the domain and nowhere else."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import QuangError
from ris_core.signatures.credentials import add_credential, lock, remove, unlock
from ris_core.signatures.models import SigningCredential, UnlockedCredential
from ris_core.signatures.rules import CredentialKind
from ris_core.signatures.signers import MOST_CONTAINER_BYTES, KeyPlace
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.signing.words import sentence_of


@requires(Function.SIGN_REPORT)
@sensitive_post_parameters("secret")
@require_http_methods(["GET", "POST"])
def keys(request: UserRequest) -> HttpResponse:
    """One's keys, and the form that adds one."""
    problem = ""
    if request.method == "POST":
        try:
            add_credential(_place(request), request.POST.get("secret", ""), actor_of(request))
        except QuangError as error:
            problem = sentence_of(error.code)
        else:
            messages.success(request, _("Đã thêm khoá ký và mở khoá."))
            return HttpResponseRedirect(reverse("signing:signing"))
    context = {
        "rows": SigningCredential.objects.filter(owner=request.user, removed_at__isnull=True).order_by("-added_at"),
        "now": timezone.now(),
        "unlocked_keys": set(
            UnlockedCredential.objects.filter(
                credential__owner=request.user, expires_at__gt=timezone.now()
            ).values_list("credential_id", flat=True)
        ),
        "kinds": _kinds(),
        "problem": problem,
        "entered": {name: request.POST.get(name, "") for name in ("kind", "token", "reference")},
        "minutes": settings.QUANG.signing.unlocked_minutes,
    }
    return render(request, "signing/keys.html", context, status=422 if problem else 200)


@requires(Function.SIGN_REPORT)
@sensitive_post_parameters("secret")
@require_POST
def unlock_key(request: UserRequest, credential_id: int) -> HttpResponse:
    """Unlock a key; what waited for it is signed."""
    try:
        unlock(credential_id, request.POST.get("secret", ""), actor_of(request))
        messages.success(request, _("Đã mở khoá ký."))
    except QuangError as error:
        messages.error(request, sentence_of(error.code))
    return _back(request)


@requires(Function.SIGN_REPORT)
@require_POST
def lock_key(request: UserRequest, credential_id: int) -> HttpResponse:
    """Lock a key now."""
    lock(credential_id, actor_of(request))
    messages.success(request, _("Đã khoá lại."))
    return _back(request)


@requires(Function.SIGN_REPORT)
@require_POST
def remove_key(request: UserRequest, credential_id: int) -> HttpResponse:
    """Take a key out of use."""
    remove(credential_id, actor_of(request))
    messages.success(request, _("Đã bỏ khoá ký. Các kết quả đã ký vẫn có hiệu lực."))
    return HttpResponseRedirect(reverse("signing:keys"))


def _kinds() -> list[CredentialKind]:
    """Those that this site has the means for."""
    signing = settings.QUANG.signing
    means = {
        CredentialKind.PKCS12: True,
        CredentialKind.PKCS11: signing.pkcs11_module,
        CredentialKind.REMOTE: signing.csc_url,
    }
    return [kind for kind, there in means.items() if there]


def _place(request: UserRequest) -> KeyPlace:
    kind = request.POST.get("kind", "")
    file = request.FILES.get("container")
    return KeyPlace(
        kind=CredentialKind(kind) if kind in set(CredentialKind) else CredentialKind.PKCS12,
        container=file.read(MOST_CONTAINER_BYTES + 1) if file and kind == CredentialKind.PKCS12 else b"",
        token=request.POST.get("token", "").strip()[:64],
        reference=request.POST.get("reference", "").strip()[:255],
    )


def _back(request: UserRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("signing:keys" if request.POST.get("from") == "keys" else "signing:signing"))
