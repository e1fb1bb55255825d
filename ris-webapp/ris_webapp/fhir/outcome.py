"""Errors as FHIR says them (OperationOutcome), and resources that are sure to be valid."""

from __future__ import annotations

import json
from typing import Any, Final

import pydantic
from django.http import HttpResponse
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.resource import Resource

from ris_core.access.errors import RequestUnreadable
from ris_core.errors import InvalidValue, QuangError
from ris_webapp.api.problems import BodyInvalid, status_of

MEDIA_TYPE: Final = "application/fhir+json"

_ISSUE_TYPES: Final = {
    400: "invalid",
    401: "login",
    403: "forbidden",
    404: "not-found",
    405: "not-supported",
    409: "conflict",
    413: "too-long",
    422: "processing",
    429: "throttled",
    503: "transient",
}
"""IssueType by HTTP status; others are ``exception``."""


def resource_answer(resource: dict[str, Any], status: int = 200, location: str = "") -> HttpResponse:
    """A resource as an answer."""
    content = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(content, status=status, content_type=MEDIA_TYPE)
    if location:
        response["Location"] = location
    return response


def outcome_answer(error: QuangError) -> HttpResponse:
    """An error as an answer."""
    status = status_of(error)
    places = [each.get("pointer", "") for each in error.errors] if isinstance(error, BodyInvalid) else [error.field]
    details = [each["detail"] for each in error.errors] if isinstance(error, BodyInvalid) else [error.detail]
    issues = [
        {
            "severity": "error",
            "code": _ISSUE_TYPES.get(status, "exception"),
            "details": {"coding": [{"system": "urn:quang:error", "code": error.code}]},
            "diagnostics": detail,
            **({"expression": [place]} if place else {}),
        }
        for place, detail in zip(places, details, strict=True)
    ]
    response = resource_answer(valid(OperationOutcome, {"resourceType": "OperationOutcome", "issue": issues}), status)
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="quang"'
    if status in (429, 503):
        response["Retry-After"] = "60" if status == 429 else "5"
    return response


def valid(model: type[Resource], resource: dict[str, Any]) -> dict[str, Any]:
    """``resource``, of which ``model`` says that it is one; a resource of ours that is not is a fault of ours."""
    model.model_validate(resource)
    return resource


def checked(model: type[Resource], body: object) -> dict[str, Any]:
    """What a program sent, if it is a resource of this kind.

    :raises BodyInvalid: it is not; every place is named
    """
    name = model.get_resource_type()
    body = _without_nothing(body)
    if not isinstance(body, dict) or body.get("resourceType") != name:
        raise RequestUnreadable(f"the body is no {name}", field="resourceType")
    try:
        model.model_validate(body)
    except pydantic.ValidationError as error:
        places = [
            {"pointer": ".".join([name, *map(str, each["loc"])]), "detail": each["msg"]} for each in error.errors()[:20]
        ]
        raise BodyInvalid(places) from error
    except (LookupError, TypeError) as error:  # the library's own way to say that it knows no such resource
        raise RequestUnreadable(f"a resource inside the {name} is of no known type", field="resourceType") from error
    _refuse_modifiers(body, name)
    return body


def _refuse_modifiers(value: Any, place: str) -> None:
    """What turns the meaning of an element round and is not understood here is refused, never ignored (R4 2.4.1)."""
    if isinstance(value, dict):
        for name in ("modifierExtension", "implicitRules"):
            if name in value:
                raise InvalidValue("it changes the meaning, and is not understood here", field=f"{place}.{name}"[:200])
        for name, each in value.items():
            _refuse_modifiers(each, f"{place}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _refuse_modifiers(each, f"{place}[{index}]")


def _without_nothing(value: Any) -> Any:
    """``value`` without the members that are null or empty: in FHIR an element is there or it is not (R4 2.6.2)."""
    if isinstance(value, dict):
        inner = {name: _without_nothing(each) for name, each in value.items()}
        return {name: each for name, each in inner.items() if each not in (None, "", [], {})}
    if isinstance(value, list):
        return [each for each in map(_without_nothing, value) if each not in (None, "", [], {})]
    return value
