"""The door of the interfaces for programs: who calls, how often, how much; what is written is kept, what is read noted.

Every address of REST and FHIR is behind :func:`admit`. Reads are written into the audit trail; writes are kept in the
inbox of messages with their answer (:mod:`ris_core.messages.requests`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, RawPostDataException
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from ris_core.access.api_keys import recognise
from ris_core.access.errors import ApiKeyRefused, MethodRefused, RequestTooLarge, RequestUnreadable
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.errors import QuangError
from ris_core.messages.models import Protocol
from ris_core.messages.requests import LONGEST_KEY, Answer, ReceivedRequest, receive_request
from ris_webapp.api.caller import ApiRequest, Caller
from ris_webapp.api.json_body import read_json
from ris_webapp.api.limits import MinuteLimit
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.searched import kept_words

View = Callable[..., HttpResponseBase]
Refuse = Callable[[QuangError], HttpResponse]

FAILURES_PER_MINUTE = 30
"""Of one address without a valid key: guessing is pointless, and the audit trail stays readable."""

_KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Last-Modified")
_MEDIA_TYPES = re.compile(r"application/(json|fhir\+json|scim\+json|merge-patch\+json)\s*(;.*)?", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]+")
_KEY = re.compile(r"(?<=/)[^/]*\d[^/]*(?=/|$)")

_PREFIX = re.compile(r"^/(api/v1|fhir|scim/v2)")

limit = MinuteLimit()


def admit(view: View, protocol: Protocol, refuse: Refuse, kept: Callable[[bytes], bytes] = bytes) -> View:
    """``view`` behind the door.

    :param refuse: how the interface words an error
    :param kept: what of a body goes into the inbox, where it holds secrets that nobody may read there
    """

    @csrf_exempt
    def admitted(request: HttpRequest, *arguments: object, **named: object) -> HttpResponseBase:
        known = cast(ApiRequest, request)
        try:
            known.caller = _recognised(request)
            _refuse_too_large(request)
        except QuangError as error:
            return _turned_away(request, error, refuse)
        if request.method in ("GET", "HEAD") or request.path.endswith("/_search"):
            try:
                response = _answered(view(request, *arguments, **named), refuse)
            except QuangError as error:
                response = refuse(error)
            _note(known, response)
            return response
        return _carried_out(
            known, lambda: _answered(view(request, *arguments, **named), refuse), protocol, refuse, kept
        )

    return public(admitted)


def _answered(response: HttpResponseBase, refuse: Refuse) -> HttpResponse:
    """The answer of a view; one to a method that the address does not have, in the interface's own words."""
    assert isinstance(response, HttpResponse)  # noqa: S101 - nothing here is answered by a stream
    if response.status_code != 405:
        return response
    refused = refuse(MethodRefused(f"this address takes {response['Allow']}"))
    refused["Allow"] = response["Allow"]
    return refused


def _recognised(request: HttpRequest) -> Caller:
    address = client_address(request)
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise ApiKeyRefused("send an API key: Authorization: Bearer qk_…", field="Authorization")
        key = recognise(text.strip(), address)
    except ApiKeyRefused:
        limit.take(f"address:{address}", FAILURES_PER_MINUTE)
        raise
    limit.take(f"key:{key.pk}", settings.QUANG.api.requests_per_minute)
    return Caller(key, address)


def _refuse_too_large(request: HttpRequest) -> None:
    most = settings.QUANG.api.max_body_bytes
    if int(request.META.get("CONTENT_LENGTH") or 0) > most:
        raise RequestTooLarge(f"the body may have at most {most} bytes")


def _read(request: HttpRequest) -> object:
    """The body's JSON; an empty body is an empty object."""
    if not request.body:
        return {}
    if not _MEDIA_TYPES.fullmatch(request.headers.get("Content-Type", "")):
        raise RequestUnreadable("send JSON, and say so: Content-Type: application/json", field="Content-Type")
    return read_json(request.body)


def _carried_out(
    request: ApiRequest,
    view: Callable[[], HttpResponse],
    protocol: Protocol,
    refuse: Refuse,
    kept: Callable[[bytes], bytes],
) -> HttpResponse:
    caller = request.caller

    def carry_out() -> Answer:
        caller.refusal = None
        request.json = _read(request)
        return _answer(view(), caller.refusal)

    def refused(error: QuangError) -> Answer:
        return _answer(refuse(error), error)

    try:
        received = _received(request, protocol, kept)
    except QuangError as error:
        return refuse(error)
    answer = receive_request(received, carry_out, refused)
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers:
        response[name] = value
    return response


def _received(request: ApiRequest, protocol: Protocol, kept: Callable[[bytes], bytes]) -> ReceivedRequest:
    key = request.headers.get("Idempotency-Key", "")
    if key and (len(key) > LONGEST_KEY or not _IDEMPOTENCY_KEY.fullmatch(key)):
        raise RequestUnreadable(
            f"an Idempotency-Key has at most {LONGEST_KEY} printable ASCII characters", field="Idempotency-Key"
        )
    try:
        body = request.body
    except RawPostDataException as error:  # a form with files, which was read as one before it came here
        raise RequestUnreadable(
            "send JSON, and say so: Content-Type: application/json", field="Content-Type"
        ) from error
    line = f"{request.method} {request.get_full_path()}\r\n\r\n"
    return ReceivedRequest(
        protocol=protocol,
        sender=request.caller.source,
        idempotency_key=key,
        kind=_kind(request),
        raw=line.encode() + kept(body),
        peer=request.caller.address,
        at=timezone.now(),
    )


def _kind(request: HttpRequest) -> str:
    """Without keys, which may be a patient's number: it is logged."""
    path = _KEY.sub("{id}", _PREFIX.sub("", request.path)).strip("/")
    return f"{request.method} {path}"[:32]


def _answer(response: HttpResponse, refusal: QuangError | None) -> Answer:
    headers = tuple((name, response[name]) for name in _KEPT_HEADERS if name in response)
    return Answer(response.status_code, response.content, headers, refusal)


def _note(request: ApiRequest, response: HttpResponseBase) -> None:
    """One read in the audit trail: what, by the ids in the path; the words of a search as the setting keeps them."""
    searched = request.META.get("QUERY_STRING", "")
    if request.method == "POST":
        searched = "&".join(filter(None, (searched, request.POST.urlencode())))
    details = {"words": kept_words(searched)} if searched else {}
    with transaction.atomic():
        record(
            request.caller.actor,
            "api.read",
            subject=request.path[:96],
            patient_id=request.caller.patient_id,
            success=response.status_code < 400,
            status=response.status_code,
            **details,
        )


def _turned_away(request: HttpRequest, error: QuangError, refuse: Refuse) -> HttpResponse:
    if isinstance(error, ApiKeyRefused):
        actor = Actor("api", address=client_address(request), kind=ActorKind.ANYBODY)
        record(actor, "api.refused", subject=request.path[:96], success=False, code=error.code)
    return refuse(error)
