"""Answers and errors as RFC 7644 has them: ``application/scim+json``, §3.12 for what is refused."""

from __future__ import annotations

import json
from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse

from ris_core.access.errors import RequestUnreadable
from ris_core.errors import EditConflict, InvalidValue, QuangError
from ris_core.provisioning.services import NameTaken
from ris_webapp.api.problems import status_of

MEDIA_TYPE: Final = "application/scim+json"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class FilterRefused(QuangError):
    """A filter that is not understood here."""

    code = "QUANG-6108"


class PathRefused(QuangError):
    """A PATCH names a place that there is not, or does with it what cannot be done."""

    code = "QUANG-6109"


_TYPES: Final[tuple[tuple[type[QuangError], int, str], ...]] = (
    (FilterRefused, 400, "invalidFilter"),
    (PathRefused, 400, "invalidPath"),
    (NameTaken, 409, "uniqueness"),
    (EditConflict, 412, ""),
    (RequestUnreadable, 400, "invalidSyntax"),
    (InvalidValue, 400, "invalidValue"),
)
"""Where SCIM says something else than our other interfaces: status and ``scimType``."""


def address_of(kind: str, key: object = "") -> str:
    return f"{settings.QUANG.public_url.rstrip('/')}/scim/v2/{kind}" + (f"/{key}" if key else "")


def scim_answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    """A resource or a list; a resource with its version and, made new, its address."""
    response = HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)
    meta = body.get("meta", {})
    if "version" in meta:
        response["ETag"] = meta["version"]
    if status == 201:
        response["Location"] = meta["location"]
    return response


def scim_error(error: QuangError) -> HttpResponse:
    """``error`` as an answer."""
    status, kind = next(
        ((status, kind) for each, status, kind in _TYPES if isinstance(error, each)), (status_of(error), "")
    )
    place = f"{error.field}: " if error.field else ""
    body = {"schemas": [ERROR], "status": str(status), "detail": f"{place}{error.detail} ({error.code})"}
    if kind:
        body["scimType"] = kind
    response = HttpResponse(json.dumps(body, ensure_ascii=False), status=status, content_type=MEDIA_TYPE)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="quang"'
    if status == 429:
        response["Retry-After"] = "60"
    return response
