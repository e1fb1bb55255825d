"""Tag rules: the ones in force as rows to edit, a dry run on stored studies before they are saved, earlier versions."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.studies.models import Study
from ris_core.tag_rules.models import TagRulesVersion
from ris_core.tag_rules.rules import DEVICE, IDENTITY, READABLE, WRITABLE, TagRules, rules_from_json
from ris_core.tag_rules.services import MOST_PREVIEWED, change_rules, dry_run, rules_in_force, rules_number
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.tag_rules.form import (
    MOST_FIELDS,
    PARTS_OF,
    TESTS,
    TESTS_WITHOUT_VALUE,
    Rule,
    fields_of,
    problems_of,
    rearranged,
    typed_rules,
    whole_problem,
)
from ris_webapp.screens.tag_rules.history import history

EXAMPLE: Rule = {
    "name": "Mã ca từ ghi chú của máy siêu âm",
    "on": True,
    "changes_identity": False,
    "conditions": [
        {"attribute": DEVICE, "test": "equals", "value": "US1"},
        {"attribute": "AccessionNumber", "test": "missing", "value": ""},
    ],
    "changes": [
        {
            "action": "copy",
            "attribute": "AccessionNumber",
            "source": "PatientComments",
            "pattern": "KEY=(\\w{4,12})",
            "value": "",
        }
    ],
}
"""What is shown until there are rules."""


@requires(Function.ADMINISTER)
@require_GET
def rules(request: UserRequest) -> HttpResponse:
    """The rules in force; an earlier version when ``version`` names one, to be looked at and put in force again."""
    number = whole_number(request.GET.get("version", ""))
    if number is None:
        shown = _as_rows(rules_in_force())
        return _page(request, shown if rules_number() else [EXAMPLE])
    version = TagRulesVersion.objects.filter(number=number).first()
    if version is None:
        raise NotFound("there is no such version", field="version")
    return _page(request, _as_rows(rules_from_json(version.content)), looked_at=number)


@requires(Function.ADMINISTER)
@require_POST
def save(request: UserRequest) -> HttpResponse:
    """Add, move or remove rows; try the rules on stored studies; put them in force once the same rules were tried."""
    typed = typed_rules(request.POST.dict())
    act = request.POST.get("act", "")
    if act not in ("try", "save"):
        arranged, focus = rearranged(typed, act)
        return _page(request, arranged, focus=focus)
    errors = problems_of(typed)
    if errors:
        return _page(request, typed, errors=errors, focus=next(iter(errors)), status=422)
    try:
        wanted = rules_from_json({"rules": typed})
    except InvalidValue as error:
        return _page(request, typed, problem=whole_problem(error), status=422)
    same = _mark(wanted)
    if act == "save" and request.POST.get("tried") == same:
        try:
            version = change_rules(
                wanted,
                over=whole_number(request.POST.get("over", "")) or 0,
                note=request.POST.get("note", ""),
                actor=actor_of(request),
            )
        except EditConflict:
            told = _("Có người vừa lưu một phiên bản khác; hãy so với bản đó trước khi lưu.")
            return _page(request, typed, problem=told, status=409)
        messages.success(
            request, _("Phiên bản %(number)s có hiệu lực cho ảnh đến từ bây giờ.") % {"number": version.number}
        )
        return HttpResponseRedirect(reverse("tag_rules:rules"))
    latest = Study.objects.order_by("-last_received_at", "-pk")[:MOST_PREVIEWED]
    record(actor_of(request), "tag_rules.tried", subject=f"tag_rules:{rules_number()}")
    return _page(request, typed, previews=dry_run(wanted, latest), tried=same, unseen=act == "save")


def _page(request: UserRequest, shown: list[Rule], status: int = 200, **more: Any) -> HttpResponse:
    over = whole_number(request.POST.get("over", ""))
    context = {
        "rules": shown,
        "errors": {},
        "problem": "",
        "focus": "",
        "tried": "",
        "unseen": False,
        "looked_at": None,
        "over": rules_number() if over is None else over,
        "number": rules_number(),
        "note": request.POST.get("note", "")[:255],
        "history": history(),
        "readable": list(READABLE),
        "writable": [keyword for keyword in READABLE if keyword in WRITABLE],
        "tests": TESTS,
        "without_value": TESTS_WITHOUT_VALUE,
        "parts_of": PARTS_OF,
        "identity": IDENTITY,
        "device": DEVICE,
        "may_grow": fields_of(shown) < MOST_FIELDS,
        "previewed": MOST_PREVIEWED,
        **more,
    }
    return render(request, "tag_rules/rules.html", context, status=status)


def _as_rows(shown: TagRules) -> list[Rule]:
    rows: list[Rule] = msgspec.to_builtins(shown)["rules"]
    return rows


def _mark(wanted: TagRules) -> str:
    """By which it is known that these very rules have been tried."""
    return hashlib.sha256(msgspec.json.encode(wanted)).hexdigest()
