"""Which exams are read by two or three readers, blinded or open."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.second_readings.models import ReadingRule
from ris_core.second_readings.services import remove_rule, set_rule
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires


class RuleForm(forms.Form):
    """Conditions, either of them empty, and how such exams are read."""

    modality = forms.RegexField(
        r"^[A-Za-z0-9]{0,16}$",
        required=False,
        error_messages={"invalid": gettext_lazy("Ghi mã loại máy như CT, MR, DX.")},
    )
    service_code = forms.CharField(max_length=64, required=False)
    readings = forms.TypedChoiceField(choices=[(2, "2"), (3, "3")], coerce=int)
    blinded = forms.BooleanField(required=False)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def rules(request: UserRequest) -> HttpResponse:
    """All rules, the most particular first; a form for another."""
    form = RuleForm(request.POST) if request.method == "POST" else RuleForm()
    if form.is_bound and form.is_valid():
        set_rule(actor_of(request), **form.cleaned_data)
        messages.success(request, _("Đã lưu quy tắc đọc nhiều lần."))
        return HttpResponseRedirect(reverse("reading_rules:rules"))
    rows = ReadingRule.objects.order_by("-service_code", "-modality", "pk")
    context = {"form": form, "rows": rows}
    return render(request, "reading_rules/rules.html", context, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_POST
def remove(request: UserRequest, rule_id: int) -> HttpResponse:
    """Take one away."""
    remove_rule(rule_id, actor_of(request))
    messages.success(request, _("Đã bỏ quy tắc đọc nhiều lần."))
    return HttpResponseRedirect(reverse("reading_rules:rules"))
