"""Tag rules: the ones in force, an editor that says what is wrong, a dry run on stored studies, earlier versions."""

from __future__ import annotations

import json
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
from ris_webapp.permission import UserRequest, requires

MOST_CHARACTERS = 200_000
EXAMPLE = {
    "rules": [
        {
            "name": "Mã ca từ ghi chú của máy siêu âm",
            "on": True,
            "conditions": [
                {"attribute": "Device", "test": "equals", "value": "US1"},
                {"attribute": "AccessionNumber", "test": "missing"},
            ],
            "changes": [
                {
                    "action": "copy",
                    "attribute": "AccessionNumber",
                    "source": "PatientComments",
                    "pattern": "KEY=(\\w{4,12})",
                }
            ],
        }
    ]
}


@requires(Function.ADMINISTER)
@require_GET
def rules(request: UserRequest) -> HttpResponse:
    """The rules in force; an earlier version when ``version`` names one, to be looked at and put in force again."""
    number = request.GET.get("version", "")
    shown = rules_in_force()
    if number.isdecimal():
        version = TagRulesVersion.objects.filter(number=int(number[:9])).first()
        if version is None:
            raise NotFound("there is no such version", field="version")
        shown = rules_from_json(version.content)
    return _page(request, _as_text(shown) if shown.rules else _as_text(rules_from_json(EXAMPLE)), shown)


@requires(Function.ADMINISTER)
@require_POST
def save(request: UserRequest) -> HttpResponse:
    """Try the rules that were typed on stored studies, or put them in force as a new version."""
    text = request.POST.get("rules", "")[:MOST_CHARACTERS]
    try:
        typed = rules_from_json(json.loads(text))
    except json.JSONDecodeError as error:
        return _page(request, text, None, _("Dòng %(line)s: không phải JSON.") % {"line": error.lineno})
    except InvalidValue as error:
        return _page(request, text, None, f"{error.field}: {error.detail}")
    if request.POST.get("act") != "save":
        latest = Study.objects.order_by("-last_received_at", "-pk")[:MOST_PREVIEWED]
        record(actor_of(request), "tag_rules.tried", subject=f"tag_rules:{rules_number()}")
        return _page(request, text, typed, previews=dry_run(typed, latest))
    over = request.POST.get("over", "")
    try:
        version = change_rules(
            typed,
            over=int(over) if over.isdecimal() else -1,
            note=request.POST.get("note", ""),
            actor=actor_of(request),
        )
    except EditConflict:
        return _page(request, text, typed, _("Có người vừa lưu một phiên bản khác; hãy so với bản đó trước khi lưu."))
    messages.success(
        request, _("Phiên bản %(number)s có hiệu lực cho ảnh đến từ bây giờ.") % {"number": version.number}
    )
    return HttpResponseRedirect(reverse("tag_rules:rules"))


def _page(request: UserRequest, text: str, shown: TagRules | None, error: str = "", **more: Any) -> HttpResponse:
    context = {
        "text": text,
        "shown": shown,
        "error": error,
        "number": rules_number(),
        "versions": TagRulesVersion.objects.select_related("made_by").order_by("-number")[:20],
        "readable": [DEVICE, *READABLE],
        "writable": [keyword for keyword in READABLE if keyword in WRITABLE],
        "identity": IDENTITY,
        "previewed": MOST_PREVIEWED,
        **more,
    }
    return render(request, "tag_rules/rules.html", context, status=422 if error else 200)


def _as_text(shown: TagRules) -> str:
    return json.dumps(msgspec.to_builtins(shown), ensure_ascii=False, indent=2)
