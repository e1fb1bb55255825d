"""Signing where one reads: the state of the newest version's signature, and one key to sign it."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, QuangError
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.signatures.credentials import is_unlocked, preferred_credential
from ris_core.signatures.models import Signature
from ris_core.signatures.rules import UNDER_WAY, SignatureState
from ris_core.signatures.services import ask_for_signature
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.signing.words import sentence_of

_SHOWN = (*UNDER_WAY, SignatureState.SIGNED, SignatureState.FAILED, SignatureState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class ShownSignature:
    """What the reading page tells of the signature of the version in force."""

    signature: Signature | None
    offered: bool
    """Whether the user may sign it now."""
    unlocked: bool
    """Whether a key of theirs is ready."""


def shown_signature(user: User, version: ReportVersion | None) -> ShownSignature:
    """The newest signature of ``version``, and whether ``user`` may sign it."""
    if version is None:
        return ShownSignature(None, False, False)
    signature = version.signatures.filter(state__in=_SHOWN).order_by("-pk").first()
    offered = (
        may(user.role, Function.SIGN_REPORT)
        and version.approved_by_id == user.pk
        and version.status != VersionStatus.PRELIMINARY
        and (signature is None or signature.state in (SignatureState.FAILED, SignatureState.WITHDRAWN))
    )
    credential = preferred_credential(user.pk) if offered else None
    return ShownSignature(signature, offered, credential is not None and is_unlocked(credential))


@requires(Function.SIGN_REPORT)
@require_POST
def sign_exam(request: UserRequest, exam_id: int) -> HttpResponseBase:
    """Sign the version in force of an exam's first reading with one's key; 409 with a sentence when it cannot be."""
    version = (
        ReportVersion.objects.filter(reading__procedure_id=exam_id).order_by("reading__ordinal", "-number").first()
    )
    credential = preferred_credential(request.user.pk)
    try:
        if version is None:
            raise NotFound("no approved report")
        if credential is None:
            return _refusal("QUANG-5502")
        signature = ask_for_signature(version.pk, credential.pk, actor_of(request))
    except QuangError as error:
        return _refusal(error.code)
    return JsonResponse({"state": signature.state})


def _refusal(code: str) -> JsonResponse:
    body = {"code": code, "detail": sentence_of(code).removesuffix(f" ({code})"), "title": "", "status": 409}
    return JsonResponse(body, status=409, content_type="application/problem+json")
