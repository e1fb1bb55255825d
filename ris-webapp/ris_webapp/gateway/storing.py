"""STOW-RS for viewers (PS3.18 10.5): what they save is read and checked before the engine gets it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from ris_core.annotations.services import Kept, keep_annotation
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor
from ris_core.engine.client import Engine
from ris_core.errors import InvalidValue
from ris_webapp.client import client_address
from ris_webapp.gateway.grants import grants_of
from ris_webapp.gateway.multipart import boundary_of, parts_of
from ris_webapp.permission import public

MAXIMUM_BYTES = 64 * 1024 * 1024
"""A segmentation of a long series; measurements have some kilobytes."""


@csrf_exempt  # the grant's cookie is never sent with another site's POST (SameSite), and the origin is looked at
@public
@require_POST
def store(request: HttpRequest, study_uid: str = "") -> HttpResponse:
    """Keep the annotations in the body; 200 when all are stored, 202 when some, 409 when none."""
    grants = [grant for grant in grants_of(request) if grant.may_store]
    granted = frozenset(str(uid) for grant in grants for uid in grant.study_uids)
    if study_uid:
        granted &= {study_uid}
    if not granted or not _same_origin(request):
        return HttpResponse(status=403)
    if int(request.headers.get("Content-Length") or 0) > MAXIMUM_BYTES:
        return HttpResponse(status=413)
    actor = Actor(grants[0].user_name, address=client_address(request), kind=ActorKind.USER)
    try:
        boundary = boundary_of(request.headers.get("Content-Type", ""))
        body = request.read(MAXIMUM_BYTES + 1)
        if len(body) > MAXIMUM_BYTES:
            return HttpResponse(status=413)
        files = list(parts_of(body, boundary))
    except (InvalidValue, UnicodeEncodeError):
        return HttpResponse(status=400)
    with Engine.from_settings(settings.QUANG, "web", timeout_seconds=60.0) as engine:
        results = [keep_annotation(file, granted, engine, actor) for file in files]
    stored = [result for result in results if result.refusal is None]
    status = 200 if len(stored) == len(results) else 202 if stored else 409
    return JsonResponse(_answer(results), status=status, content_type="application/dicom+json")


def _answer(results: list[Kept]) -> dict[str, Any]:
    """Store Instances Response Module (PS3.18 I.2) as DICOM JSON."""
    answer: dict[str, Any] = {}
    for result in results:
        item: dict[str, Any] = {}
        if result.sop_class_uid:
            item["00081150"] = {"vr": "UI", "Value": [result.sop_class_uid]}
        if result.sop_instance_uid:
            item["00081155"] = {"vr": "UI", "Value": [result.sop_instance_uid]}
        if result.refusal is not None:
            item["00081197"] = {"vr": "US", "Value": [result.refusal.failure_reason]}
        sequence = "00081199" if result.refusal is None else "00081198"
        answer.setdefault(sequence, {"vr": "SQ", "Value": []})["Value"].append(item)
    return answer


def _same_origin(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.get_host()
