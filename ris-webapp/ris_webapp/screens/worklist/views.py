"""The worklist of exams: the page, the rows that changed, the preview of one exam."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.exam_lists.models import Folder, Tag
from ris_core.exam_lists.services import readers
from ris_core.matching.body_regions import REGIONS
from ris_core.orders.models import PatientClass, RequestedProcedure
from ris_core.sight.seeing import seen_exams, sight_of
from ris_webapp.client import actor_of
from ris_webapp.jinja import word
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.rail import home_of
from ris_webapp.screens.worklist import filters
from ris_webapp.screens.worklist.columns import ALWAYS, LABELS, shown_to
from ris_webapp.screens.worklist.exams import rows_of
from ris_webapp.screens.worklist.facets import facets
from ris_webapp.screens.worklist.listing import PAGE_ROWS, exam_page, exams_of, filtered
from ris_webapp.screens.worklist.preview import exam_preview
from ris_webapp.screens.worklist.side import starting_list
from ris_webapp.searched import note_search
from ris_webapp.words import Text


@requires()
@require_GET
def worklist(request: UserRequest) -> HttpResponse:
    """The page; or, for a page further down (``after``), only its rows. Whose role has no worklist comes to the first
    screen that it has: people know this address."""
    if not may(request.user.role, Function.VIEW_WORKLIST):
        return HttpResponseRedirect(home_of(request.user.role))
    parameters = request.GET.dict()
    wanted = filters.Filter.parse(parameters)
    after = filters.Cursor.parse(parameters["after"]) if "after" in parameters else None
    sight = sight_of(request.user)
    exams = filtered(wanted, request.user, sight)
    page = exam_page(wanted, request.user, after, exams=exams)
    if wanted.searching and after is None:
        typed = (wanted.query, *(getattr(wanted, name) for name in filters.WORD_FILTERS), wanted.region)
        words = " ".join(filter(None, typed))
        note_search(request, "worklist.searched", words, {row.patient_key for row in page.rows})
    columns, chosen = shown_to(request.user)
    context = {"wanted": wanted, "page": page, "columns": columns}
    if after:
        return render(request, "worklist/rows.html", context)
    period = wanted.period()
    context |= {
        "facets": facets(wanted, narrowed=exams if wanted.narrowed or sight.is_limited else None),
        "mine_count": len(exams_of(request.user.pk)),
        "filters": filters,
        "labels": LABELS,
        "always": ALWAYS,
        "chosen": chosen,
        "regions": sorted(REGIONS, key=lambda region: str(word("body_region", region))),
        "patient_classes": [value for value in PatientClass.values if value],
        "readers": list(readers()) if may(request.user.role, Function.READ_EXAM) else [],
        "removable": _removable(wanted),
        "elsewhere": _elsewhere(wanted),
        "period": [int(moment.timestamp()) for moment in period] if period else [],
    }
    return render(request, "worklist/worklist.html", context)


@requires()
@require_GET
def start(request: UserRequest) -> HttpResponse:
    """Where everybody begins: the list chosen for it; whose role has no worklist, the first screen that it has."""
    if not may(request.user.role, Function.VIEW_WORKLIST):
        return HttpResponseRedirect(home_of(request.user.role))
    return HttpResponseRedirect(reverse("worklist:worklist") + starting_list(request.user).address())


@requires(Function.VIEW_WORKLIST)
@require_GET
def rows(request: UserRequest) -> HttpResponse:
    """The rows of the exams ``ids`` as they are now, for those that a page shows already."""
    asked = whole_numbers(request.GET.get("ids", "").split(","))[: 4 * PAGE_ROWS]
    seen = set(seen_exams(RequestedProcedure.objects.filter(pk__in=asked), request.user).values_list("pk", flat=True))
    ids = [key for key in asked if key in seen]
    columns, _chosen = shown_to(request.user)
    context = {"page": {"rows": rows_of(ids), "next_cursor": None}, "columns": columns}
    return render(request, "worklist/rows.html", context)


@requires(Function.VIEW_WORKLIST)
@require_GET
def preview(request: UserRequest, procedure_id: int) -> HttpResponse:
    """One exam in the drawer beside the list: order, steps, images, history."""
    exam = exam_preview(procedure_id)
    record(actor_of(request), "exam.viewed", subject=f"exam:{procedure_id}", patient_id=exam.procedure.patient_id)
    return render(request, "worklist/preview.html", {"exam": exam})


def _elsewhere(wanted: filters.Filter) -> list[tuple[Text, str]]:
    """Where else the words that were typed can be looked for, as lists: in reports, services, departments."""
    labels = {"report": _("trong kết quả"), "service": _("trong dịch vụ"), "department": _("trong khoa")}
    return [
        (label, wanted.address(query="", when="all", **{name: wanted.query}))
        for name, label in labels.items()
        if wanted.query and not getattr(wanted, name)
    ]


def _removable(wanted: filters.Filter) -> list[tuple[Text, str, str]]:
    """The further filters that are set: what each is called, its value, and the list without it."""
    found: list[tuple[Text, str, str]] = [
        (label, getattr(wanted, name), wanted.address(**{name: ""}))
        for name, label in filters.WORD_LABELS.items()
        if getattr(wanted, name)
    ]
    if wanted.region:
        found.append((_("Vùng"), word("body_region", wanted.region), wanted.address(region="")))
    if wanted.patient_class:
        label = word("patient_class", wanted.patient_class)
        found.append((_("Diện"), label, wanted.address(patient_class="")))
    if wanted.reader:
        name = User.objects.filter(pk=wanted.reader).values_list("full_name", flat=True).first() or "?"
        found.append((_("Người đọc"), name, wanted.address(reader=None)))
    if wanted.since:
        found.append((_("Từ ngày"), f"{wanted.since:%d/%m/%Y}", wanted.address(since=None)))
    if wanted.until:
        found.append((_("Đến ngày"), f"{wanted.until:%d/%m/%Y}", wanted.address(until=None)))
    if wanted.tag:
        name = Tag.objects.filter(pk=wanted.tag).values_list("name", flat=True).first() or "?"
        found.append((_("Thẻ"), name, wanted.address(tag=None)))
    if wanted.folder:
        name = Folder.objects.filter(pk=wanted.folder).values_list("name", flat=True).first() or "?"
        found.append((_("Hồ sơ"), name, wanted.address(folder=None)))
    if wanted.late:
        found.append((_("Chờ đọc"), gettext("quá hạn"), wanted.address(late=False)))
    return found
