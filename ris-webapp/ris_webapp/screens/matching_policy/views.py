"""How images are linked by themselves: weights, bounds, where devices carry the key; every version is kept."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import EditConflict, InvalidValue
from ris_core.matching.models import PolicyVersion
from ris_core.matching.policy import DEFAULT_POLICY, WEIGHTS, Policy, policy_from_json
from ris_core.matching.services import change_policy, policy_in_force, policy_number
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.matching_policy.form import MEANINGS, NUMBERS, policy_of, rule_rows, tag_choices
from ris_webapp.screens.unmatched import reasons

SHOWN_VERSIONS = 20


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def policy(request: UserRequest) -> HttpResponse:
    """The version in force as a form; ``?version=`` fills it with an older one, 0 with the one that came with us."""
    error: InvalidValue | EditConflict | None = None
    shown = _version(request)
    if request.method == "POST":
        try:
            shown = policy_of(request.POST)
            over = whole_number(request.POST.get("over", "")) or 0
            change_policy(shown, over=over, note=request.POST.get("note", ""), actor=actor_of(request))
        except (InvalidValue, EditConflict) as refused:
            error = refused
        else:
            messages.success(request, _("Quy tắc mới có hiệu lực với ảnh đến từ bây giờ."))
            return HttpResponseRedirect(reverse("matching_policy:policy"))
    context = {
        "policy": shown,
        "error": error,
        "over": policy_number(),
        "versions": PolicyVersion.objects.select_related("made_by").order_by("-number")[:SHOWN_VERSIONS],
        "numbers": NUMBERS,
        "weights": [(name, *name.split("."), shown.points(name), WEIGHTS[name]) for name in WEIGHTS],
        "rules": rule_rows(shown),
        "tags": tag_choices(),
        "meanings": MEANINGS,
        "reasons": reasons,
    }
    return render(request, "matching_policy/policy.html", context, status=422 if error else 200)


@requires(Function.ADMINISTER)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """The version in force as JSON."""
    content = json.dumps(policy_in_force().as_json(), ensure_ascii=False, indent=2)
    record(actor_of(request), "matching.policy_exported", subject=f"matching_policy:{policy_number()}")
    headers = {"Content-Disposition": f'attachment; filename="matching-policy-{policy_number()}.json"'}
    return HttpResponse(content, content_type="application/json", headers=headers)


def _version(request: UserRequest) -> Policy:
    number = whole_number(request.GET.get("version", ""))
    if number is None:
        return policy_in_force()
    content = PolicyVersion.objects.filter(number=number).values_list("content", flat=True).first()
    return DEFAULT_POLICY if content is None else policy_from_json(content)
