"""Images from outside: the list, one import from the first byte to the exams that it became."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.imports.models import Decision, Fate, Import, ImportPatient, ImportState, ImportStudy
from ris_core.imports.reconciling import Candidate, candidates_for
from ris_core.imports.services import TO_DECIDE, begin_import, import_of, imports_of, studies_of
from ris_core.sight.seeing import sees_patient
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.imports.words import DECISIONS, FATES, STATES, VERDICTS, problem_words
from ris_webapp.words import Text

MOST_SHOWN = 100
_OPEN = (Fate.WAITING, Fate.REFUSED, Fate.TWO_PATIENTS)
_UNDER_WAY = (ImportState.SCANNING, ImportState.STORING)
Problems = Mapping[int, tuple[Text, str]]
"""By patient of the import: a sentence and its code."""


@requires(Function.IMPORT_IMAGES)
@require_GET
def imports(request: UserRequest) -> HttpResponse:
    """One's own, the newest first."""
    rows = [(found, *STATES[found.state]) for found in imports_of(actor_of(request))[:MOST_SHOWN]]
    return render(request, "imports/list.html", {"rows": rows})


@requires(Function.IMPORT_IMAGES)
@require_POST
def create(request: UserRequest) -> HttpResponse:
    """A new one, to be filled on its page."""
    begun = begin_import(request.POST.get("source", ""), actor_of(request))
    return HttpResponseRedirect(reverse("imports:one", args=[begun.pk]))


@requires(Function.IMPORT_IMAGES)
@require_GET
def one(request: UserRequest, import_id: int) -> HttpResponse:
    """One import; ``?number=`` looks for further patients by a number."""
    return page(request, import_of(import_id, actor_of(request)), {})


@requires(Function.IMPORT_IMAGES)
@require_GET
def state(request: UserRequest, import_id: int) -> HttpResponse:
    """What is asked again and again while the worker is at it; once it has ended, the page is loaded anew."""
    found = import_of(import_id, actor_of(request))
    response = render(request, "imports/progress.html", _context(request, found, {}))
    if found.state not in _UNDER_WAY:
        response["HX-Redirect"] = reverse("imports:one", args=[import_id])
    return response


def page(request: UserRequest, found: Import, problems: Problems, *, status: int = 200) -> HttpResponse:
    return render(request, "imports/import.html", _context(request, found, problems), status=status)


def _context(request: UserRequest, found: Import, problems: Problems) -> dict[str, Any]:
    word, style = STATES[found.state]
    deciding = found.state in TO_DECIDE
    studies = list(studies_of(found.pk).select_related("procedure"))
    patients = [
        {
            "found": patient,
            "studies": [
                (study, FATES[study.fate], problem_words(study.problem) if study.problem else "")
                for study in studies
                if study.patient_id == patient.pk
            ],
            "open": deciding and _may_be_decided([study for study in studies if study.patient_id == patient.pk]),
            "decision": DECISIONS.get(patient.decision, ""),
            "candidates": _candidates(request, patient) if deciding else [],
            "problem": problems.get(patient.pk),
        }
        for patient in found.patients.select_related("patient").order_by("pk")
    ]
    return {
        "found": found,
        "state": word,
        "style": style,
        "under_way": found.state in _UNDER_WAY,
        "problem": problem_words(found.problem) if found.problem else "",
        "patients": patients,
        "number": request.GET.get("number", ""),
        "verdicts": VERDICTS,
        "deciding": deciding,
        "complete": deciding and not _undecided(found),
    }


def _may_be_decided(studies: list[ImportStudy]) -> bool:
    """Something may still come in, and nothing of theirs has."""
    return any(study.fate in _OPEN for study in studies) and not any(study.procedure_id for study in studies)


def _candidates(request: UserRequest, patient: ImportPatient) -> list[Candidate]:
    found = candidates_for(patient, request.GET.get("number", ""))
    return [each for each in found if sees_patient(request.user, each.patient.pk)]


def _undecided(found: Import) -> bool:
    return found.patients.filter(decision=Decision.OPEN, studies__fate=Fate.WAITING).exists()
