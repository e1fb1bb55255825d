"""Labels of exams (films, folders): chosen, looked at, printed."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.choosing import layout_for
from ris_core.print_layouts.design import LabelDesign, design_of
from ris_core.print_layouts.labels import MOST_LABELS, print_labels
from ris_core.print_layouts.models import LayoutKind, PrintLayout
from ris_core.print_layouts.pages import joined, page_pictures
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.labels.facts import label_of

MOST_EXAMS = 100
_MOST_COPIES = 20


@dataclass(frozen=True, slots=True)
class Group:
    """Exams whose labels have one layout."""

    layout: PrintLayout | None
    exams: list[RequestedProcedure]

    @property
    def design(self) -> LabelDesign:
        current = self.layout.current if self.layout else None
        design = design_of(LayoutKind.LABEL, current.design if current else {})
        assert isinstance(design, LabelDesign)  # noqa: S101 - by its kind
        return design


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be printed."""

    groups: list[Group]
    chosen: PrintLayout | None
    """For all of them; none: each exam's own, by the rules of layouts."""
    copies: int
    free: int
    """Places to leave free on the first sheet."""

    @property
    def exams(self) -> list[RequestedProcedure]:
        return [exam for group in self.groups for exam in group.exams]

    def printed(self) -> bytes:
        left, free, made = MOST_LABELS, self.free, []
        for group in self.groups:
            labels = [facts for exam in group.exams for facts in [label_of(exam)] * self.copies][:left]
            if not labels:
                break
            made.append(print_labels(labels, group.design, settings.QUANG.site.language, free=free).pdf)
            left, free = left - len(labels), 0  # another layout is on other sheets
        return joined(made)


@requires(Function.VIEW_WORKLIST)
@require_GET
def page(request: UserRequest) -> HttpResponse:
    """The labels of ``exams`` as they will come out, with the choice of layout, copies and first place."""
    wanted = _wanted(request)
    pictures, count = page_pictures(wanted.printed())
    context = {
        "exams": wanted.exams,
        "keys": ",".join(str(exam.pk) for exam in wanted.exams),
        "layouts": PrintLayout.objects.filter(kind=LayoutKind.LABEL, active=True).order_by("-is_usual", "name"),
        "layout": wanted.chosen,
        "groups": wanted.groups,
        "design": wanted.groups[0].design,
        "copies": wanted.copies,
        "first": wanted.free + 1,
        "pages": [base64.b64encode(picture).decode() for picture in pictures],
        "count": count,
    }
    return render(request, "labels/labels.html", context)


@requires(Function.VIEW_WORKLIST)
@require_GET
def pdf(request: UserRequest) -> HttpResponse:
    """The same as PDF, which is what is printed; written down for each exam."""
    wanted = _wanted(request)
    content = wanted.printed()
    for group in wanted.groups:
        for exam in group.exams:
            record(
                actor_of(request), "label.printed", subject=f"procedure:{exam.pk}", patient_id=exam.patient_id,
                layout=group.layout.code if group.layout else "", copies=wanted.copies,
            )  # fmt: skip
    headers = {"Content-Disposition": 'inline; filename="labels.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)


def _wanted(request: UserRequest) -> Wanted:
    """:raises NotFound: there is none of these exams"""
    keys = whole_numbers(request.GET.get("exams", "").split(","))[:MOST_EXAMS]
    seen = seen_exams(RequestedProcedure.objects.select_related("request", "patient"), request.user)
    found = seen.in_bulk(keys)
    exams = [found[key] for key in dict.fromkeys(keys) if key in found]
    if not exams:
        raise NotFound("there is no such exam", field="exams")
    layouts = PrintLayout.objects.select_related("current").filter(kind=LayoutKind.LABEL, active=True)
    chosen = layouts.filter(code=request.GET.get("layout", "")).first()
    copies = _number(request, "copies", 1, _MOST_COPIES)
    return Wanted(_grouped(exams, chosen), chosen, copies, _number(request, "first", 1, 300) - 1)


def _grouped(exams: list[RequestedProcedure], chosen: PrintLayout | None) -> list[Group]:
    """By ``chosen``, else by the layout that the rules give each exam (who ordered, department, modality, service)."""
    if chosen is not None:
        return [Group(chosen, exams)]
    groups: dict[int | None, Group] = {}
    for exam in exams:
        layout = layout_for(exam, LayoutKind.LABEL)
        groups.setdefault(layout.pk if layout else None, Group(layout, [])).exams.append(exam)
    return list(groups.values())


def _number(request: UserRequest, name: str, low: int, high: int) -> int:
    value = request.GET.get(name, "")
    return max(low, min(high, int(value))) if value.isdecimal() and len(value) < 6 else low
