"""Kinds of order that are not taken: the rules, edited by an administrator."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound
from ris_core.messages.models import InboundMessage
from ris_core.orders.errors import OrderRefused
from ris_core.orders.models import PatientClass, Priority, RefusalRule
from ris_core.orders.refusals import save_rule
from ris_core.orders.rules import DICOM_MODALITIES, RefusalConditions
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.words import WORDS

REFUSED_SHOWN = 20

_ANY = ("", gettext_lazy("Bất kỳ"))


class RuleForm(forms.Form):
    """One rule; all given conditions must hold."""

    reason = forms.CharField(max_length=255, label=gettext_lazy("Lý do báo cho nơi gửi"))
    service_code = forms.CharField(max_length=64, required=False, label=gettext_lazy("Mã dịch vụ"))
    modality = forms.CharField(max_length=16, required=False, label=gettext_lazy("Loại máy"))
    source = forms.CharField(max_length=128, required=False, label=gettext_lazy("Nơi gửi"))
    requesting_department = forms.CharField(max_length=255, required=False, label=gettext_lazy("Khoa chỉ định"))
    patient_class = forms.ChoiceField(
        choices=[_ANY, *((str(each), WORDS["patient_class"][each]) for each in PatientClass if each)],
        required=False,
        label=gettext_lazy("Diện"),
    )
    priority = forms.ChoiceField(
        choices=[_ANY, *((str(each), WORDS["priority"][each]) for each in Priority)],
        required=False,
        label=gettext_lazy("Mức ưu tiên"),
    )
    active = forms.BooleanField(required=False, initial=True, label=gettext_lazy("Đang áp dụng"))

    def clean_modality(self) -> str:
        modality = str(self.cleaned_data["modality"]).strip().upper()
        if modality and modality not in DICOM_MODALITIES:
            raise forms.ValidationError(_("Mã DICOM viết hoa như CT, MR, US, DX."))
        return modality

    def conditions(self) -> RefusalConditions:
        """The rule as entered."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "active"}
        return RefusalConditions(**said)


@requires(Function.ADMINISTER)
@require_GET
def rules(request: UserRequest) -> HttpResponse:
    """All rules, and what they have refused lately."""
    refused = InboundMessage.objects.filter(error_detail__contains="not taken here:", replay_of__isnull=True)
    context = {
        "rules": RefusalRule.objects.order_by("-active", "pk"),
        "refused": list(refused.defer("raw", "acknowledgement").order_by("-pk")[:REFUSED_SHOWN]),
        "code": OrderRefused.code,
    }
    return render(request, "orders/rules.html", context)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def rule(request: UserRequest, rule_id: int | None = None) -> HttpResponse:
    """Add or change one rule; it is switched off, never deleted."""
    found = RefusalRule.objects.filter(pk=rule_id).first() if rule_id else None
    if rule_id and found is None:
        raise NotFound("there is no such rule", field="rule")
    initial = {name: getattr(found, name) for name in RuleForm.base_fields} if found else None
    form = RuleForm(request.POST) if request.method == "POST" else RuleForm(initial=initial)
    if form.is_bound and form.is_valid():
        try:
            save_rule(rule_id, form.conditions(), form.cleaned_data["active"], actor_of(request))
        except InvalidValue:
            form.add_error("service_code", _("Cần ít nhất một điều kiện; nếu không, mọi chỉ định đều bị từ chối."))
        else:
            messages.success(request, _("Đã lưu quy tắc."))
            return HttpResponseRedirect(reverse("orders:rules"))
    return render(request, "orders/rule.html", {"form": form, "rule": found}, status=422 if form.errors else 200)
