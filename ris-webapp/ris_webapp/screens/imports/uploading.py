"""Files on their way in, piece by piece: what a script of the page sends."""

from __future__ import annotations

import base64

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.imports.errors import ImportInvalid, UploadOutOfStep
from ris_core.imports.models import ImportFile
from ris_core.imports.services import LARGEST_PIECE, add_file, end_upload, take_piece
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires


@requires(Function.IMPORT_IMAGES)
@require_POST
def add(request: UserRequest, import_id: int) -> HttpResponse:
    """A file that will come: its number, and how much of it is there already; ``beginning`` are its first bytes in
    base64, by which one that broke off is known again."""
    size = whole_number(request.POST.get("size", "")) or 0
    try:
        beginning = base64.b64decode(request.POST.get("beginning", ""))
    except ValueError:
        return JsonResponse({"code": ImportInvalid.code}, status=400)
    file = add_file(import_id, request.POST.get("name", ""), size, actor_of(request), beginning)
    return JsonResponse({"number": file.number, "there": file.received_bytes, "piece": LARGEST_PIECE // 2})


@requires(Function.IMPORT_IMAGES)
@require_POST
def piece(request: UserRequest, import_id: int, number: int) -> HttpResponse:
    """The bytes in the body, from ``?offset=``; how many are there now. Out of step: the same answer, with 409."""
    offset = whole_number(request.GET.get("offset", ""))
    length = whole_number(request.headers.get("Content-Length", ""))
    if offset is None or length is None:
        return JsonResponse({"code": ImportInvalid.code}, status=400)
    try:
        there = take_piece(import_id, number, offset, request, length, actor_of(request))
    except UploadOutOfStep:
        there = ImportFile.objects.get(of_id=import_id, number=number).received_bytes
        return JsonResponse({"there": there}, status=409)
    return JsonResponse({"there": there})


@requires(Function.IMPORT_IMAGES)
@require_POST
def finish(request: UserRequest, import_id: int) -> HttpResponse:
    """Everything has come: have it looked through."""
    end_upload(import_id, actor_of(request))
    return HttpResponseRedirect(reverse("imports:one", args=[import_id]))
