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
from ris_core.print_layouts.pages import page_pictures
from ris_core.print_layouts.typesetting import Printed
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.labels.facts import label_of

MOST_EXAMS = 100
_MOST_COPIES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be printed."""

    exams: list[RequestedProcedure]
    layout: PrintLayout | None
    copies: int
    free: int
    """Places to leave free on the first sheet."""

    @property
    def design(self) -> LabelDesign:
        current = self.layout.current if self.layout else None
        design = design_of(LayoutKind.LABEL, current.design if current else {})
        assert isinstance(design, LabelDesign)  # noqa: S101 - by its kind
        return design

    def printed(self) -> Printed:
        labels = [facts for exam in self.exams for facts in [label_of(exam)] * self.copies]
        return print_labels(labels[:MOST_LABELS], self.design, settings.QUANG.site.language, free=self.free)


@requires(Function.VIEW_WORKLIST)
@require_GET
def page(request: UserRequest) -> HttpResponse:
    """The labels of ``exams`` as they will come out, with the choice of layout, copies and first place."""
    wanted = _wanted(request)
    printed = wanted.printed()
    pictures, count = page_pictures(printed.pdf)
    context = {
        "exams": wanted.exams,
        "keys": ",".join(str(exam.pk) for exam in wanted.exams),
        "layouts": PrintLayout.objects.filter(kind=LayoutKind.LABEL, active=True).order_by("-is_usual", "name"),
        "layout": wanted.layout,
        "design": wanted.design,
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
    content = wanted.printed().pdf
    for exam in wanted.exams:
        record(
            actor_of(request), "label.printed", subject=f"procedure:{exam.pk}", patient_id=exam.patient_id,
            layout=wanted.layout.code if wanted.layout else "", copies=wanted.copies,
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
    layout = layouts.filter(code=request.GET.get("layout", "")).first() or layout_for(exams[0], LayoutKind.LABEL)
    copies = _number(request, "copies", 1, _MOST_COPIES)
    return Wanted(exams, layout, copies, _number(request, "first", 1, 300) - 1)


def _number(request: UserRequest, name: str, low: int, high: int) -> int:
    value = request.GET.get(name, "")
    return max(low, min(high, int(value))) if value.isdecimal() and len(value) < 6 else low
