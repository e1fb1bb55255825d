"""Take a finished file: asked again at every request, and while it is sent, whether it may still go out."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound, QuangError
from ris_core.exports.errors import ExportOutdated
from ris_core.exports.services import note_download, open_file
from ris_webapp.client import actor_of
from ris_webapp.file_answers import file_answer, wanted_range
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.exports.words import problem_words

_MEDIA_TYPES: Final = {"zip": "application/zip", "iso": "application/x-iso9660-image", "pdf": "application/pdf"}


@requires(Function.EXPORT_EXAM)
@require_http_methods(["GET", "HEAD"])
def file(request: UserRequest, export_id: int, number: int) -> HttpResponseBase:
    """One file, or the part of it that a broken download lacks.

    :raises NotFound, NotPermitted: as :func:`ris_core.exports.services.open_file`
    """
    try:
        found, path = open_file(export_id, number, request.user)
    except ExportOutdated as error:
        return _refused(request, error)
    etag = f'"{found.sha256}"'
    if request.method == "GET":
        wanted = wanted_range(request, etag, found.byte_count)
        note_download(found, actor_of(request), wanted[0] if wanted else 0)
    user_id = request.user.pk
    return file_answer(
        request,
        path,
        name=found.name,
        etag=etag,
        media_type=_MEDIA_TYPES[found.name.rpartition(".")[2]],
        still_open=lambda: _is_open(export_id, number, user_id),
    )


def _is_open(export_id: int, number: int, user_id: int) -> bool:
    user = User.objects.filter(pk=user_id).first()
    try:
        if user is None:
            raise NotFound("no such account")
        open_file(export_id, number, user)
    except QuangError:
        return False
    return True


def _refused(request: HttpRequest, error: ExportOutdated) -> HttpResponse:
    return render(
        request, "exports/refused.html", {"sentence": problem_words(error.code), "code": error.code}, status=409
    )
