"""Have exams given out as files: choose, see how large it becomes, follow, stop, take."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineError
from ris_core.errors import QuangError
from ris_core.exports.contents import waits_for_corrections
from ris_core.exports.models import EXAM_FORMS, UNDER_WAY, Export, ExportState, Form
from ris_core.exports.rules import DISC_SIZES, Amount, expected_bytes
from ris_core.exports.services import amount_of, ask_again, ask_for_export, cancel_export, exports_of
from ris_core.orders.models import RequestedProcedure
from ris_core.sight.seeing import seen_exams
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number, whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.exports.words import FORMS, MISSING, STATES, problem_words
from ris_webapp.screens.sharing.choosing import chosen_exams, exams_numbered, others_of
from ris_webapp.words import Text

MOST_SHOWN = 100
MOST_NAMED = 10


@requires(Function.EXPORT_EXAM)
@require_GET
def exports(request: UserRequest) -> HttpResponse:
    """One's own, the newest first."""
    return render(request, "exports/list.html", _listed(request))


@requires(Function.EXPORT_EXAM)
@require_GET
def rows(request: UserRequest) -> HttpResponse:
    """The list alone, while something is being made."""
    return render(request, "exports/rows.html", _listed(request))


@requires(Function.EXPORT_EXAM)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """The form with what each form would become; ``?exam=`` names exams, ``add`` looks one up by its number."""
    entered = request.POST if request.method == "POST" else request.GET
    exams = chosen_exams(_chosen(request), request.user)
    added = entered.get("add", "").strip()
    found = exams_numbered(added, request.user)
    exams += [exam for exam in found if exam not in exams]
    context: dict[str, Any] = {"not_found": added if added and not found else "", "problem": None}
    amount = None
    try:
        amount = _amount(exams, request) if exams else None
        if request.method == "POST" and "look_up" not in request.POST:
            ask_for_export(
                [exam.pk for exam in exams], entered.get("form", ""), request.user, actor_of(request),
                amount or Amount(0, 0, 0),
                with_report=bool(entered.get("with_report")), disc_bytes=_disc_bytes(entered.get("disc_bytes", "")),
            )  # fmt: skip
            return HttpResponseRedirect(reverse("exports:exports"))
    except (QuangError, EngineError) as error:
        context["problem"] = problem_words(error.code)
        context["code"] = error.code
    context |= {
        "exams": exams,
        "others": others_of(exams, request.user) if exams else [],
        "forms": [
            (form.value, *FORMS[form], expected_bytes(form.value, amount) if amount else None) for form in EXAM_FORMS
        ],
        "chosen_form": entered.get("form", Form.DISC.value),
        "with_report": bool(entered.get("with_report")) if request.method == "POST" else True,
        "disc_bytes": _disc_bytes(entered.get("disc_bytes", "")),
        "disc_sizes": DISC_SIZES,
        "amount": amount,
    }
    return render(request, "exports/new.html", context, status=422 if context["problem"] and request.POST else 200)


@requires(Function.EXPORT_EXAM)
@require_POST
def cancel(request: UserRequest, export_id: int) -> HttpResponse:
    """Stop it, or delete its files."""
    cancel_export(export_id, request.user.pk, actor_of(request))
    messages.success(request, _("Đã huỷ bản xuất và xoá tệp."))
    return HttpResponseRedirect(reverse("exports:exports"))


@requires(Function.EXPORT_EXAM)
@require_POST
def again(request: UserRequest, export_id: int) -> HttpResponse:
    """Try one that failed once more."""
    ask_again(export_id, request.user, actor_of(request))
    return HttpResponseRedirect(reverse("exports:exports"))


def _chosen(request: HttpRequest) -> list[int]:
    """``exam`` once for each, or ``exams`` with commas."""
    entered = request.POST if request.method == "POST" else request.GET
    return whole_numbers([*entered.getlist("exam"), *entered.get("exams", "").split(",")])


def _amount(exams: list[RequestedProcedure], request: UserRequest) -> Amount:
    with Engine.from_settings(settings.QUANG, "web", timeout_seconds=20.0) as engine:
        return amount_of(engine, [exam.pk for exam in exams], request.user)


def _disc_bytes(text: str) -> int:
    size = whole_number(text) or 0
    return size if size in DISC_SIZES else 0


def _listed(request: UserRequest) -> dict[str, Any]:
    found = list(exports_of(request.user.pk)[:MOST_SHOWN])
    exams = {part.procedure_id for export in found for part in export.exams.all()}
    seen = seen_exams(RequestedProcedure.objects.filter(pk__in=exams), request.user).values_list("pk", flat=True)
    return {
        "rows": [_row(export) for export in found],
        "seen": frozenset(seen),
        "under_way": any(export.state in UNDER_WAY for export in found),
        "kept_hours": settings.QUANG.exports.kept_hours,
    }


def _row(export: Export) -> dict[str, Any]:
    word, style = STATES[export.state]
    return {
        "export": export,
        "form": FORMS[export.form][0],
        "state": word,
        "style": style,
        "problem": problem_words(export.problem) if export.problem else "",
        "missing": _missing(export),
        "under_way": export.state in UNDER_WAY,
        "held_back": export.state == ExportState.WAITING and waits_for_corrections(export),
        "part": int(100 * export.steps_done / export.step_count) if export.step_count else 0,
        "bytes": sum(file.byte_count for file in export.files.all()) or export.expected_bytes,
    }


def _missing(export: Export) -> list[tuple[Text, list[tuple[str, str]], int]]:
    """By reason: the first of what is missing, and how many more are named."""
    found: dict[str, list[tuple[str, str]]] = {}
    for reason, uid, called in export.missing:
        found.setdefault(reason, []).append((uid, called))
    return [
        (MISSING[reason], places[:MOST_NAMED], max(0, len(places) - MOST_NAMED)) for reason, places in found.items()
    ]
