"""The check of a signed PDF, for anybody who was handed one. Nothing of the file is kept or logged."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ris_core.access.errors import TooManyRequests
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.errors import QuangError
from ris_core.signatures.checks import MOST_BYTES, Check, check_file
from ris_core.signatures.errors import FileNotChecked
from ris_webapp.api.limits import MinuteLimit
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.signing.words import SINCE, STANDING, TRUST, sentence_of

_LIMIT = MinuteLimit()
_STATUS = {"QUANG-5512": 503, "QUANG-6103": 429}


@public
@never_cache
@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The page, and what there is to say of the file that was handed in."""
    check, problem, status = None, "", 200
    if request.method == "POST":
        address = client_address(request)
        try:
            _LIMIT.take(address, settings.QUANG.signing.checks_per_minute)
            check = _check(request)
        except (QuangError, TooManyRequests) as error:
            problem, status = sentence_of(error.code), _STATUS.get(error.code, 422)
        record(
            Actor("anybody", address=address, kind=ActorKind.ANYBODY), "signed_file.checked",
            success=check is not None, standing=check.standing if check else "",
        )  # fmt: skip
    context = {"check": check, "problem": problem, "trust": TRUST, "since": SINCE, "standing": STANDING}
    return render(request, "signing/verify.html", context, status=status)


def _check(request: HttpRequest) -> Check:
    file = request.FILES.get("file")
    if file is None or file.size is None or file.size > MOST_BYTES:
        raise FileNotChecked("choose a signed PDF", field="file")
    return check_file(file.read())
