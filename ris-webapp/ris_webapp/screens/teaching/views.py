"""Teaching cases to look at: the list, one case, its pictures."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound
from ris_core.teaching.models import READY, CaseState, TeachingCase, TeachingImage
from ris_core.teaching.rules import Category
from ris_core.teaching.services import (
    case_for,
    cases_for,
    closed_to,
    may_change,
    may_see_exam,
    note_view,
    searched,
)
from ris_core.teaching.standing import Closed, closed_because, held_because
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.teaching.words import CATEGORIES, CLOSED, FIELDS, NO_PICTURE, STATES
from ris_webapp.searched import note_search
from ris_webapp.words import WORDS

ROWS: Final = 25
_MOST_LOOKED_AT: Final = 200
"""Cases of which it is asked whether they are open, for one page."""


@requires(Function.VIEW_TEACHING, Function.MANAGE_TEACHING)
@require_GET
def cases(request: UserRequest) -> HttpResponse:
    """Filters are in the address; the newest first."""
    asked = {name: request.GET.get(name, "").strip()[:200] for name in ("q", "category", "modality", "tag", "whose")}
    found = _filtered(cases_for(request.user), asked, request.user)
    note_search(request, "teaching.searched", " ".join(filter(None, (asked["q"], asked["tag"]))))
    start = min(whole_number(request.GET.get("from", "")) or 0, 1_000_000)
    rows, following = _rows(found, start, request.user)
    modalities = cases_for(request.user).exclude(modality="").order_by("modality").values_list("modality", flat=True)
    context = {
        "rows": rows,
        "following": following,
        "start": start,
        "asked": asked,
        "narrowed": any(asked.values()),
        "categories": CATEGORIES,
        "modalities": list(modalities.distinct()[:40]),
        "makes": may(request.user.role, Function.MAKE_TEACHING),
    }
    return render(request, "teaching/list.html", context)


@requires(Function.VIEW_TEACHING, Function.MANAGE_TEACHING)
@require_GET
def case(request: UserRequest, case_id: int) -> HttpResponse:
    """One case, its answer hidden; each opening is written down."""
    found = case_for(case_id, request.user)
    note_view(found, actor_of(request))
    why, held = closed_because(found), held_because(found)
    context = _pictured(found, request.user) | {
        "state": STATES[found.state],
        "category": CATEGORIES.get(found.category, ""),
        "fields": FIELDS,
        "tags": [tag for tag in found.tags.split(", ") if tag],
        "closed": CLOSED.get(held) if held else None,
        "is_open": why is None,
        "sees_exam": may_see_exam(request.user, found),
        "manages": may(request.user.role, Function.MANAGE_TEACHING),
        "versions": list(found.versions.select_related("written_by")) if may_change(request.user, found) else [],
        "exports": why is None and may(request.user.role, Function.EXPORT_EXAM),
    }
    return render(request, "teaching/case.html", context)


@requires(Function.VIEW_TEACHING, Function.MANAGE_TEACHING)
@require_GET
def pictures(request: UserRequest, case_id: int) -> HttpResponse:
    """The pictures alone, while some are being made."""
    return render(request, "teaching/pictures.html", _pictured(case_for(case_id, request.user), request.user))


@requires(Function.VIEW_TEACHING, Function.MANAGE_TEACHING)
@require_GET
def picture(request: UserRequest, case_id: int, position: int) -> HttpResponse:
    """One picture.

    :raises NotFound: the case is not shown, or has no such picture
    """
    found = case_for(case_id, request.user)
    image = found.images.filter(position=position, result__in=READY).first()
    if image is None:
        raise NotFound("the case has no such picture", field="image")
    etag = f'"{image.sha256}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": etag}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(bytes(image.picture), content_type="image/jpeg", headers=headers)


def _filtered(found: QuerySet[TeachingCase], asked: dict[str, str], user: User) -> QuerySet[TeachingCase]:
    found = searched(found, asked["q"])
    if asked["category"] in set(Category):
        found = found.filter(category=asked["category"])
    if asked["modality"]:
        found = found.filter(modality=asked["modality"])
    if asked["tag"]:
        found = searched(found, asked["tag"])
    if asked["whose"] == "mine":
        found = found.filter(made_by=user)
    if asked["whose"] == "drafts":
        found = found.exclude(state=CaseState.OPEN)
    return found


def _rows(found: QuerySet[TeachingCase], start: int, user: User) -> tuple[list[dict[str, Any]], int | None]:
    """One page, and where the next begins; cases that are closed to ``user`` are passed over."""
    rows: list[dict[str, Any]] = []
    looked = list(found[start : start + _MOST_LOOKED_AT + 1])
    for place, each in enumerate(looked[:_MOST_LOOKED_AT]):
        if closed_to(user, each) is not None:
            continue
        if len(rows) == ROWS:
            return rows, start + place
        rows.append(_row(each))
    return rows, start + _MOST_LOOKED_AT if len(looked) > _MOST_LOOKED_AT else None


def _row(case: TeachingCase) -> dict[str, Any]:
    why = closed_because(case)
    shown = case.images.filter(result__in=READY).defer("picture")
    return {
        "case": case,
        "category": CATEGORIES.get(case.category, ""),
        "state": STATES[case.state],
        "held": why is not None and why not in (Closed.DRAFT, Closed.WITHDRAWN),
        "first": shown.first(),
        "count": shown.count(),
    }


def _pictured(case: TeachingCase, user: User) -> dict[str, Any]:
    images = list(case.images.defer("picture"))
    withheld = [image for image in images if image.result == TeachingImage.Result.WITHHELD]
    reasons = {**WORDS["withheld"], **NO_PICTURE}
    return {
        "case": case,
        "shown": [image for image in images if image.result in READY],
        "waiting": sum(image.result == TeachingImage.Result.WAITING for image in images),
        "total": len(images),
        "withheld": [(reasons.get(image.reason, image.reason), image.position) for image in withheld],
        "changes": may_change(user, case),
    }
