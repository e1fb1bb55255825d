"""The queue of studies that belong to nobody yet: why, the evidence, the likely order, a way back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.engine import Engine
from ris_core.errors import InvalidValue, NotFound
from ris_core.studies import services
from ris_core.studies.models import QUEUE_STATES, Study
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.unmatched import evidence, reasons

SHOWN = 200
THUMBNAIL_PIXELS = 360


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def queue(request: UserRequest) -> HttpResponse:
    """The queue with its first study opened."""
    first = services.queue().first()
    return _page(request, first)


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def study(request: UserRequest, study_id: int) -> HttpResponse:
    """The queue with one study opened."""
    return _page(request, _waiting(study_id))


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def orders(request: UserRequest, study_id: int) -> HttpResponse:
    """Orders that a search finds, each beside the study."""
    waiting = _waiting(study_id)
    query = " ".join(request.GET.get("q", "").split())[:100]
    found = evidence.searched(waiting, query, request.user.pk)
    context = {"study": waiting, "possibilities": found, "query": query, "reasons": reasons}
    return render(request, "unmatched/possibilities.html", context)


@requires(Function.RESOLVE_UNMATCHED)
@require_GET
def image(request: UserRequest, study_id: int) -> HttpResponse:
    """One image from the middle of the study, small, fetched for this user from the engine."""
    waiting = _waiting(study_id)
    with Engine.from_settings(settings.QUANG, "web", timeout_seconds=8) as engine:
        series = engine.series(engine.study(waiting.orthanc_id).series_ids[0])
        picture = engine.rendered(series.instance_ids[len(series.instance_ids) // 2], THUMBNAIL_PIXELS)
    return HttpResponse(picture, content_type="image/jpeg", headers={"Cache-Control": "private, max-age=300"})


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def link(request: UserRequest, study_id: int) -> HttpResponse:
    """Link the study to the chosen order; what contradicts is refused by the domain, whoever asks."""
    try:
        procedure_id = int(request.POST.get("procedure", ""))
    except ValueError as error:
        raise InvalidValue("no order chosen", field="procedure") from error
    made = services.link_study(
        study_id, procedure_id, actor=actor_of(request), reason=request.POST.get("reason", "").strip()[:255]
    )
    patient = made.procedure.patient.full_name
    messages.success(request, _("Đã khớp ảnh với phiếu của %(patient)s.") % {"patient": patient})
    return HttpResponseRedirect(reverse("unmatched:queue"))


@requires(Function.RESOLVE_UNMATCHED)
@require_POST
def undo(request: UserRequest, link_id: int) -> HttpResponse:
    """Take back a link made a moment ago."""
    reason = request.POST.get("reason", "").strip() or "undone by the person who linked it"
    services.undo_link(link_id, actor_of(request), reason[:255])
    messages.success(request, _("Đã gỡ khớp; ảnh lại nằm trong hàng đợi."))
    return HttpResponseRedirect(reverse("unmatched:queue"))


def _page(request: UserRequest, opened: Study | None) -> HttpResponse:
    waiting = list(services.queue().defer("as_received", "candidates")[: SHOWN + 1])
    if opened:
        record(actor_of(request), "study.viewed", subject=f"study:{opened.pk}")
    context = {
        "studies": waiting[:SHOWN],
        "more": len(waiting) > SHOWN,
        "study": opened,
        "possibilities": evidence.suggested(opened) if opened else [],
        "undoable": evidence.undoable(request.user.pk),
        "query": "",
        "reasons": reasons,
    }
    return render(request, "unmatched/unmatched.html", context)


def _waiting(study_id: int) -> Study:
    """:raises NotFound: the study waits no more (somebody else has linked it)"""
    found = Study.objects.filter(pk=study_id, state__in=QUEUE_STATES).first()
    if found is None:
        raise NotFound("the study does not wait any more", field="study")
    return found
