"""Errors as programs read them: ``application/problem+json`` (RFC 9457) with our code and JSON pointers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ris_core.access.errors import (
    ApiKeyRefused,
    MethodRefused,
    RequestTooLarge,
    RequestUnreadable,
    TooManyRequests,
)
from ris_core.engine.errors import EngineError
from ris_core.errors import (
    EditConflict,
    IdentityConflict,
    InvalidValue,
    NotFound,
    NotPermitted,
    QuangError,
    TransitionRefused,
)
from ris_core.messages.requests import IdempotencyKeyReused, RequestNotStored
from ris_core.orders.errors import OrderExists, OrderRefused, UnknownOrder

STATUSES: tuple[tuple[type[QuangError], int], ...] = (
    (ApiKeyRefused, 401),
    (NotPermitted, 403),
    (NotFound, 404),
    (UnknownOrder, 404),
    (OrderExists, 409),
    (OrderRefused, 422),
    (TransitionRefused, 409),
    (IdentityConflict, 409),
    (EditConflict, 409),
    (MethodRefused, 405),
    (RequestTooLarge, 413),
    (TooManyRequests, 429),
    (RequestUnreadable, 400),
    (InvalidValue, 422),
    (IdempotencyKeyReused, 422),
    (RequestNotStored, 503),
    (EngineError, 502),
)
"""The first kind that an error is of tells the status; one of no kind is a fault of ours."""

POINTERS: dict[str, str] = {
    "patient_identifier": "/patient/identifiers",
    "PID-3": "/patient/identifiers",
    "PatientID": "/patient/identifiers",
    "PatientName": "/patient/full_name",
    "PatientBirthDate": "/patient/birth_date",
    "PatientSex": "/patient/sex",
    "placer_order_number": "/placer_order_number",
    "PlacerOrderNumber": "/placer_order_number",
    "service_code": "/service/code",
    "accession_number": "/accession_number",
    "visit_number": "/visit/visit_number",
    "study_instance_uid": "/study_instance_uid",
    "StudyInstanceUID": "/study_instance_uid",
    "ScheduledStationAETitle": "/steps/0/station_ae_title",
    "AETitle": "/steps/0/station_ae_title",
    "Modality": "/modality",
}
"""Where in an order a field of the domain stands."""


class BodyInvalid(InvalidValue):
    """The request does not have the form that the operation needs; tells every place."""

    code = "QUANG-6106"

    def __init__(self, errors: Sequence[dict[str, str]]) -> None:
        first = errors[0] if errors else {"detail": "the request is not valid", "pointer": ""}
        super().__init__(f"{first.get('pointer', '')}: {first['detail']}", field=first.get("pointer", ""))
        self.errors = list(errors)


def status_of(error: QuangError) -> int:
    """The HTTP status for ``error``."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem_of(error: QuangError, within: str = "") -> dict[str, Any]:
    """``error`` as a problem object.

    :param within: pointer of the part of the body that it is about (``/orders/3``)
    """
    body: dict[str, Any] = {
        "type": f"urn:quang:{error.code}",
        "title": type(error).__name__,
        "status": status_of(error),
        "code": error.code,
        "detail": error.detail,
    }
    errors = error.errors if isinstance(error, BodyInvalid) else list(_places(error, within))
    if errors:
        body["errors"] = errors
    return body


def problem_answer(error: QuangError) -> HttpResponse:
    """``error`` as an answer."""
    status = status_of(error)
    response = JsonResponse(problem_of(error), status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="quang"'
    if status in (429, 503):
        response["Retry-After"] = "60" if status == 429 else "5"
    return response


def answer_errors(api: NinjaAPI) -> None:
    """Have ``api`` answer every error by this module."""

    def refused(request: HttpRequest, error: QuangError) -> HttpResponse:
        request.caller.refusal = error  # type: ignore[attr-defined]
        return problem_answer(error)

    @api.exception_handler(QuangError)
    def domain_error(request: HttpRequest, error: QuangError) -> HttpResponse:
        return refused(request, error)

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return refused(request, BodyInvalid([_place(each["loc"], each["msg"]) for each in error.errors[:50]]))

    @api.exception_handler(HttpError)
    def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
        return refused(request, RequestUnreadable(error.message))


def _places(error: QuangError, within: str) -> Iterable[dict[str, str]]:
    if error.field in POINTERS:
        yield {"pointer": f"#{within}{POINTERS[error.field]}", "detail": error.detail}
    elif error.field:
        yield {"field": error.field, "detail": error.detail}


def _place(location: Sequence[Any], message: str) -> dict[str, str]:
    """A body's place as JSON pointer, without the name of the operation's parameter; another by its name."""
    where, *path = [str(part) for part in location]
    if where == "body":
        return {"pointer": "#" + "".join(f"/{part}" for part in path[1:]), "detail": message}
    return {"field": ".".join(path), "detail": message}
