"""Master data: services, departments, rooms, staff. Listed, searched, edited, imported and exported."""

from __future__ import annotations

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import models, transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.files import MOST_BYTES, export_csv, import_csv
from ris_core.catalogue.services import Saved, save_entry
from ris_core.errors import InvalidValue, NotFound
from ris_core.names import folded
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.catalogue.forms import LABELS, WHAT_TO_DO, EntryForm

SHOWN = 200


@requires(Function.ADMINISTER)
@require_GET
def catalogue(request: UserRequest, name: str) -> HttpResponse:
    """One list, those in use first; searched with or without diacritics."""
    return _list(request, _kind(name))


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def entry(request: UserRequest, name: str, entry_id: int | None = None) -> HttpResponse:
    """Add or change one entry; one that is no longer used is withdrawn, never deleted."""
    kind = _kind(name)
    row = TABLES[kind].model._default_manager.filter(pk=entry_id).first() if entry_id else None
    if entry_id and row is None:
        raise NotFound("there is no such entry", field="entry")
    initial = {column: _initial(row, column) for column in TABLES[kind].columns} if row else None
    form = EntryForm(kind, request.POST if request.method == "POST" else None, initial=initial, known=row is not None)
    if form.is_bound and form.is_valid():
        try:
            with transaction.atomic():
                save_entry(form.entry(), actor_of(request))
        except InvalidValue as error:
            form.refuse(error)
        else:
            messages.success(request, _("Đã lưu %(name)s.") % {"name": form.cleaned_data["name"]})
            return HttpResponseRedirect(reverse("catalogue:catalogue", args=(kind,)))
    context = {"form": form, "kind": kind, "row": row, "fields": TABLES[kind].columns[:-1]}
    return render(request, "catalogue/entry.html", context, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_GET
def export(request: UserRequest, name: str) -> HttpResponse:
    """The whole list as CSV."""
    kind = _kind(name)
    record(actor_of(request), "catalogue.exported", subject=str(kind))
    response = HttpResponse(export_csv(kind), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{kind}-{timezone.localtime():%Y%m%d}.csv"'
    return response


@requires(Function.ADMINISTER)
@require_POST
def import_file(request: UserRequest, name: str) -> HttpResponse:
    """Take over a CSV file, wholly or not at all."""
    kind = _kind(name)
    file = request.FILES.get("file")
    try:
        if not isinstance(file, UploadedFile) or (file.size or 0) > MOST_BYTES:
            raise InvalidValue("no file, or one that is too large", field="file")
        imported = import_csv(kind, file.read(), actor_of(request))
    except InvalidValue:
        messages.error(request, WHAT_TO_DO["file"])
        return HttpResponseRedirect(reverse("catalogue:catalogue", args=(kind,)))
    if imported.wrong:
        return _list(request, kind, wrong=[(line.number, _told(line.field, line.detail)) for line in imported.wrong])
    added, changed = imported.counts.get(Saved.ADDED, 0), imported.counts.get(Saved.CHANGED, 0)
    messages.success(request, _("Đã thêm %(added)s, sửa %(changed)s.") % {"added": added, "changed": changed})
    return HttpResponseRedirect(reverse("catalogue:catalogue", args=(kind,)))


def _kind(name: str) -> EntryKind:
    """:raises NotFound: there is no such list"""
    if name not in list(EntryKind):
        raise NotFound("there is no such list", field="kind")
    return EntryKind(name)


def _list(request: UserRequest, kind: EntryKind, wrong: list[tuple[int, str]] | None = None) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:100]
    rows = _found(kind, query)
    context = {
        "kind": kind,
        "kinds": list(EntryKind),
        "rows": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "query": query,
        "fields": TABLES[kind].fields,
        "labels": LABELS,
        "shown": _shown,
        "wrong": wrong or [],
    }
    return render(request, "catalogue/catalogue.html", context, status=422 if wrong else 200)


def _found(kind: EntryKind, query: str) -> list[models.Model]:
    rows = TABLES[kind].model._default_manager.order_by("-active", "code", "pk")
    if kind is EntryKind.SERVICE:
        rows = rows.select_related("default_device")
    words = folded(query).split()
    if not words:
        return list(rows[: SHOWN + 1])
    found = []
    for row in rows.iterator():
        text = folded(f"{getattr(row, 'code', '')} {getattr(row, 'name', '')}")
        if all(word in text for word in words):
            found.append(row)
            if len(found) > SHOWN:
                break
    return found


def _initial(row: models.Model, name: str) -> object:
    if name == "default_device":
        device = getattr(row, name)
        return device.ae_title if device else ""
    return getattr(row, name)


def _shown(row: models.Model, name: str) -> object:
    return _initial(row, name)


def _told(field: str, detail: str) -> str:
    return f"{LABELS.get(field, field)}: {WHAT_TO_DO.get(field, detail)}"
