"""Within what time a report is wanted: targets by priority, class of patient, modality and service."""

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
from ris_core.exam_lists.models import ReadingTarget
from ris_core.exam_lists.rules import USUAL_MINUTES
from ris_core.exam_lists.targets import MOST_MINUTES, remove_target, set_target
from ris_core.orders.models import PatientClass, Priority
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

PRIORITIES = [value for value in Priority.values if value != Priority.MEDIUM]
CLASSES = [value for value in PatientClass.values if value]


class TargetForm(forms.Form):
    """Conditions, any of them empty, and the minutes."""

    priority = forms.ChoiceField(choices=[("", ""), *((value, value) for value in PRIORITIES)], required=False)
    patient_class = forms.ChoiceField(choices=[("", ""), *((value, value) for value in CLASSES)], required=False)
    modality = forms.RegexField(
        r"^[A-Za-z0-9]{0,16}$",
        required=False,
        error_messages={"invalid": gettext_lazy("Ghi mã loại máy như CT, MR, DX.")},
    )
    service_code = forms.CharField(max_length=64, required=False)
    minutes = forms.IntegerField(
        min_value=1,
        max_value=MOST_MINUTES,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"), gettext_lazy("Ghi số phút, từ 1 đến 43200.")
        ),
    )


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def targets(request: UserRequest) -> HttpResponse:
    """All targets, the most particular first; a form for another."""
    form = TargetForm(request.POST) if request.method == "POST" else TargetForm()
    if form.is_bound and form.is_valid():
        set_target(actor_of(request), **form.cleaned_data)
        messages.success(request, _("Đã lưu thời hạn đọc."))
        return HttpResponseRedirect(reverse("reading_targets:targets"))
    rows = ReadingTarget.objects.order_by("-service_code", "-modality", "-patient_class", "priority", "pk")
    context = {
        "form": form,
        "rows": rows,
        "usual": [(priority, USUAL_MINUTES[priority]) for priority in PRIORITIES],
        "priorities": PRIORITIES,
        "classes": CLASSES,
    }
    return render(request, "reading_targets/targets.html", context, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_POST
def remove(request: UserRequest, target_id: int) -> HttpResponse:
    """Take one away."""
    remove_target(target_id, actor_of(request))
    messages.success(request, _("Đã bỏ thời hạn đọc."))
    return HttpResponseRedirect(reverse("reading_targets:targets"))
