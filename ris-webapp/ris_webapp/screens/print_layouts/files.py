"""Layouts out and in as files; pictures of letterheads."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound
from ris_core.print_layouts import exchange
from ris_core.print_layouts.models import LayoutPicture, PrintLayout
from ris_core.print_layouts.pictures import MOST_BYTES
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.print_layouts.services import keep_picture
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.print_layouts.forms import sentence_of


@requires(Function.MANAGE_TEMPLATES)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """All layouts in use, or one (``?code=``), with their pictures."""
    rows = PrintLayout.objects.select_related("current").order_by("code")
    code = request.GET.get("code")
    rows = rows.filter(code=code) if code else rows.filter(active=True)
    response = HttpResponse(exchange.exported(list(rows), actor_of(request)), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="print-layouts.zip"'
    return response


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def import_file(request: UserRequest) -> HttpResponse:
    """A file of ours is taken whole, or not at all."""
    file = request.FILES.get("file")
    data = file.read(exchange.MOST_BYTES + 1) if file else b""
    try:
        added, changed = exchange.imported(data, actor_of(request))
    except (InvalidValue, LayoutFaulty) as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(
            request, _("Đã nhập: %(added)s mẫu mới, %(changed)s mẫu có bản mới.") % {"added": added, "changed": changed}
        )
    return HttpResponseRedirect(reverse("print_layouts:layouts"))


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def add_picture(request: UserRequest) -> HttpResponse:
    """Keep a picture; answers its hash, by which the form names it."""
    file = request.FILES.get("picture")
    try:
        kept = keep_picture(
            file.read(MOST_BYTES + 1) if file else b"", file.name or "" if file else "", actor_of(request)
        )
    except InvalidValue as error:
        return JsonResponse({"error": sentence_of(error)}, status=422)
    return JsonResponse({"sha256": kept.sha256, "address": reverse("print_layouts:picture", args=[kept.sha256])})


@requires(Function.MANAGE_TEMPLATES, Function.VIEW_WORKLIST, Function.PRINT_PORTAL_SLIP)
@require_GET
def picture(request: UserRequest, sha256: str) -> HttpResponse:
    """One picture, for the form and for slips: a drawing may do nothing but be drawn."""
    kept = LayoutPicture.objects.filter(sha256=sha256).first()
    if kept is None:
        raise NotFound("there is no such picture", field="picture")
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, max-age=86400"}
    return HttpResponse(bytes(kept.content), content_type=kept.media_type, headers=headers)
