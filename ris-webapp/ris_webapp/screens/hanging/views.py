"""Hanging protocols: those in force as drawn grids, their data to be edited, and earlier versions."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.hanging.models import HangingVersion
from ris_core.hanging.rules import HangingRules, rules_from_json
from ris_core.hanging.services import change_rules, rules_in_force, rules_number, usual_rules
from ris_core.json_text import read_json
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires

MOST_CHARACTERS = 200_000
SHOWN_VERSIONS = 20


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def protocols(request: UserRequest) -> HttpResponse:
    """What is in force; ``?version=`` shows an earlier one (0: the usual), to be put in force again by saving it."""
    if request.method == "POST":
        return _save(request)
    number = whole_number(request.GET.get("version", ""))
    if number is None:
        return _page(request, rules_in_force())
    return _page(request, _version(number), looked_at=number)


@requires(Function.ADMINISTER)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """The rules in force as a file."""
    record(actor_of(request), "hanging.exported", subject=f"hanging:{rules_number()}")
    response = HttpResponse(_text(rules_in_force()), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="hanging-{rules_number()}.json"'
    return response


def _save(request: UserRequest) -> HttpResponse:
    typed = request.POST.get("rules", "")[:MOST_CHARACTERS]
    try:
        wanted = rules_from_json(read_json(typed, field="rules"))
    except InvalidValue as error:
        return _page(request, rules_in_force(), typed=typed, problem=error.detail, status=422)
    over = whole_number(request.POST.get("over", "")) or 0
    try:
        version = change_rules(wanted, over=over, note=request.POST.get("note", ""), actor=actor_of(request))
    except EditConflict:
        told = _("Có người vừa lưu một phiên bản khác; hãy so với bản đó trước khi lưu.")
        return _page(request, rules_in_force(), typed=typed, problem=told, status=409)
    told = _("Phiên bản %(number)s có hiệu lực cho những lần mở ảnh từ bây giờ.") % {"number": version.number}
    messages.success(request, told)
    return HttpResponseRedirect(reverse("hanging:protocols"))


def _version(number: int) -> HangingRules:
    if number == 0:
        return usual_rules()
    version = HangingVersion.objects.filter(number=number).first()
    if version is None:
        raise NotFound("there is no such version", field="version")
    return rules_from_json(version.content)


def _page(
    request: UserRequest, shown: HangingRules, *, typed: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "rules": shown,
        "typed": typed or _text(shown),
        "number": rules_number(),
        "over": whole_number(request.POST.get("over", "")) or rules_number(),
        "note": request.POST.get("note", "")[:255],
        "versions": HangingVersion.objects.select_related("made_by").order_by("-number")[:SHOWN_VERSIONS],
        "problem": "",
        "looked_at": None,
        **more,
    }
    return render(request, "hanging/protocols.html", context, status=status)


def _text(rules: HangingRules) -> str:
    """As people edit it: what is as usual is left out."""
    return msgspec.json.format(msgspec.json.encode(_without_defaults(rules)), indent=1).decode()


def _without_defaults(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {
            field.name: _without_defaults(getattr(value, field.name))
            for field in msgspec.structs.fields(value)
            if field.default is msgspec.NODEFAULT
            or getattr(value, field.name) != field.default
            or field.name == "weights"
        }
    if isinstance(value, tuple):
        return [_without_defaults(each) for each in value]
    return value
