"""Payment rules: of which exams results are held back until they are paid for."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ris_core.accounts.rules import Function
from ris_core.delivery.holding import save_payment_rules
from ris_core.delivery.models import PaymentRule
from ris_core.errors import InvalidValue
from ris_core.orders.models import PatientClass
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

_TEXTS = ("name", "source", "requesting_department", "modality", "service_code")


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def rules(request: UserRequest) -> HttpResponse:
    """All rules as one table; the last row is for a new one."""
    shown = list(PaymentRule.objects.order_by("pk"))
    error = ""
    if request.method == "POST":
        shown = _entered(request.POST, shown)
        try:
            save_payment_rules(shown, actor_of(request))
        except InvalidValue:
            error = _("Hãy đặt tên cho mỗi quy tắc.")
        else:
            messages.success(request, _("Đã lưu các quy tắc."))
            return HttpResponseRedirect(reverse("result_receivers:payment_rules"))
    context = {"rows": [*shown, PaymentRule()], "classes": [each for each in PatientClass if each], "error": error}
    return render(request, "result_receivers/payment_rules.html", context, status=422 if error else 200)


def _entered(data: QueryDict, known: list[PaymentRule]) -> list[PaymentRule]:
    """The known rules as they were changed, and a new one when something of it was entered."""
    found = []
    for number, rule in enumerate([*known, PaymentRule()]):
        for name in _TEXTS:
            setattr(rule, name, data.get(f"{name}-{number}", "").strip()[: 16 if name == "modality" else 64])
        rule.modality = rule.modality.upper()
        entered_class = data.get(f"patient_class-{number}", "")
        rule.patient_class = entered_class if entered_class in PatientClass.values else ""
        rule.unknown_too = f"unknown_too-{number}" in data
        rule.active = f"active-{number}" in data
        is_new = rule.pk is None
        if not is_new or any(getattr(rule, name) for name in (*_TEXTS, "patient_class")):
            found.append(rule)
    return found
