"""When patients see which results, and what they are told with them."""

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
from ris_core.portal.models import ReleaseRule
from ris_core.portal.releasing import DEFAULT_DELAY_HOURS
from ris_core.portal.rules import LONGEST_GUIDANCE, MOST_DELAY_HOURS, ReleaseWhen
from ris_core.portal.slips import remove_release_rule, save_release_rule
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires


class RuleForm(forms.Form):
    """Of which exams, when, and the guidance."""

    service_code = forms.CharField(max_length=64, required=False)
    modality = forms.RegexField(
        r"^[A-Za-z0-9]{0,16}$",
        required=False,
        error_messages={"invalid": gettext_lazy("Ghi mã loại máy như CT, MR, DX.")},
    )
    when = forms.ChoiceField(choices=[(each.value, each.value) for each in ReleaseWhen])
    delay_hours = forms.IntegerField(
        min_value=0, max_value=MOST_DELAY_HOURS, error_messages={"required": gettext_lazy("Ghi số giờ, 0 nếu ngay.")}
    )
    with_images = forms.BooleanField(required=False)
    guidance = forms.CharField(required=False, max_length=LONGEST_GUIDANCE, widget=forms.Textarea)
    guidance_en = forms.CharField(required=False, max_length=LONGEST_GUIDANCE, widget=forms.Textarea)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def rules(request: UserRequest) -> HttpResponse:
    """All rules, the most particular first; a form for one, filled with the rule ``?rule=``."""
    form = RuleForm(request.POST) if request.method == "POST" else RuleForm(initial=_initial(request))
    if form.is_bound and form.is_valid():
        save_release_rule(actor_of(request), **form.cleaned_data)
        messages.success(request, _("Đã lưu quy tắc cho người bệnh xem."))
        return HttpResponseRedirect(reverse("portal:rules"))
    context = {
        "form": form,
        "rows": ReleaseRule.objects.order_by("-service_code", "-modality", "pk"),
        "moments": list(ReleaseWhen),
        "default_hours": DEFAULT_DELAY_HOURS,
    }
    return render(request, "portal/rules.html", context, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_POST
def remove(request: UserRequest, rule_id: int) -> HttpResponse:
    """Take one away."""
    remove_release_rule(rule_id, actor_of(request))
    messages.success(request, _("Đã bỏ quy tắc cho người bệnh xem."))
    return HttpResponseRedirect(reverse("portal:rules"))


def _initial(request: UserRequest) -> dict[str, object]:
    rule = ReleaseRule.objects.filter(pk=whole_number(request.GET.get("rule", "")) or 0).first()
    if rule is None:
        return {"when": ReleaseWhen.FINAL, "delay_hours": DEFAULT_DELAY_HOURS, "with_images": True}
    return {name: getattr(rule, name) for name in RuleForm.base_fields}
