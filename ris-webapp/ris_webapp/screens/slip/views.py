"""The exam slip with its key: shown to be printed, and as PDF."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_GET
from markupsafe import Markup

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import NotFound
from ris_core.matching.keys import exam_key
from ris_core.matching.slip import PAPERS, STYLE, Paper, Slip, slip_body, slip_pdf
from ris_core.orders.models import RequestedProcedure
from ris_core.print_layouts.slip_heads import SlipHead, slip_head
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.jinja import dicom_date, word
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, public, requires

MOST_SLIPS = 100
"""Printed at once."""


@requires(Function.VIEW_WORKLIST)
@require_GET
def page(request: UserRequest, procedure_id: int) -> HttpResponse:
    """The slip on the paper asked for, with the way to print it."""
    paper = _paper(request)
    procedure = _procedure(procedure_id)
    record(
        actor_of(request), "slip.shown", subject=f"procedure:{procedure.pk}", patient_id=procedure.patient_id,
        paper=paper,
    )  # fmt: skip
    context = {"procedure": procedure, "bodies": [_body(procedure, paper)], "paper": paper, "papers": PAPERS}
    return render(request, "slip/slip.html", context)


@requires(Function.VIEW_WORKLIST)
@require_GET
def several(request: UserRequest) -> HttpResponse:
    """The slips of ``exams``, each on a page of its own, ready to be printed at once.

    :raises NotFound: there is none of these exams
    """
    keys = whole_numbers(request.GET.get("exams", "").split(","))[:MOST_SLIPS]
    exams = RequestedProcedure.objects.select_related("request", "patient")
    found = seen_exams(exams, request.user).in_bulk(keys)
    procedures = [found[key] for key in dict.fromkeys(keys) if key in found]
    if not procedures:
        raise NotFound("there is no such exam", field="exams")
    paper = _paper(request)
    for procedure in procedures:
        record(
            actor_of(request), "slip.shown", subject=f"procedure:{procedure.pk}", patient_id=procedure.patient_id,
            paper=paper,
        )  # fmt: skip
    bodies = [_body(procedure, paper) for procedure in procedures]
    context = {"procedure": None, "bodies": bodies, "exams": ",".join(str(each.pk) for each in procedures)}
    return render(request, "slip/slip.html", {**context, "paper": paper, "papers": PAPERS})


@requires(Function.VIEW_WORKLIST)
@require_GET
def pdf(request: UserRequest, procedure_id: int) -> HttpResponse:
    """The same as PDF."""
    paper = _paper(request)
    procedure = _procedure(procedure_id)
    record(
        actor_of(request), "slip.shown", subject=f"procedure:{procedure.pk}", patient_id=procedure.patient_id,
        paper=paper,
    )  # fmt: skip
    headers = {"Content-Disposition": f'inline; filename="slip-{procedure.pk}.pdf"', "Cache-Control": "no-store"}
    return HttpResponse(slip_pdf(_slip(procedure), paper), content_type="application/pdf", headers=headers)


@public
@require_GET
def style(request: HttpRequest) -> HttpResponse:
    """How a slip is laid out, the same for browser and PDF; the browser has fonts of its own."""
    return HttpResponse(
        STYLE.read_text(encoding="utf-8"),
        content_type="text/css; charset=utf-8",
        headers={"Cache-Control": "max-age=300"},
    )


def _paper(request: HttpRequest) -> Paper:
    wanted = request.GET.get("paper", "")
    return next((paper for paper in PAPERS if paper == wanted), PAPERS[0])


def _procedure(procedure_id: int) -> RequestedProcedure:
    found = RequestedProcedure.objects.select_related("request", "patient").filter(pk=procedure_id).first()
    if found is None:
        raise NotFound("there is no such exam", field="procedure")
    return found


def _body(procedure: RequestedProcedure, paper: Paper) -> Markup:
    slip = _slip(procedure)
    return slip_body(slip, paper, logo_address(slip.head))


def logo_address(head: SlipHead) -> str:
    """Where a browser gets the logo of a slip; empty: there is none."""
    return reverse("print_layouts:picture", args=[head.letterhead.logo]) if head.logo else ""


def _slip(procedure: RequestedProcedure) -> Slip:
    patient = procedure.patient
    number = patient.identifiers.filter(is_primary=True).values_list("value", flat=True).first()
    step = procedure.steps.order_by("pk").first()
    site: Any = settings.QUANG.site
    with translation.override(site.language):
        return Slip(
            language=site.language,
            head=slip_head(procedure, site),
            key=exam_key(procedure.pk),
            patient_name=patient.full_name,
            patient_id=number or "",
            birth_date=dicom_date(patient.birth_date),
            sex=word("sex", patient.sex),
            service_name=procedure.service_name,
            modality=procedure.modality,
            room=(step.room or step.station_ae_title) if step else "",
            scheduled_at=timezone.localtime(procedure.scheduled_at),
            accession_number=procedure.request.accession_number,
        )
