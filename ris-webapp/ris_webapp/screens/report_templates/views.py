"""Report templates: the list, the designer with its history, files in and out."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.json_text import read_json
from ris_core.reports import exchange
from ris_core.reports.content import plain_content
from ris_core.reports.definition import Definition, ExamFacts
from ris_core.reports.filling import filled
from ris_core.reports.models import ReportTemplate
from ris_core.reports.mrrt import read_mrrt
from ris_core.reports.rendering import plain_text
from ris_core.reports.template_services import change_template, create_template, restore_version, set_active
from ris_core.reports.templates import load_templates, missing_templates
from ris_core.reports.texts import usual_titles
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.report_templates.forms import TemplateForm, sentence_of

_EMPTY = {"sections": [{"code": code} for code in ("technique", "findings", "conclusion", "recommendation")]}


@requires(Function.MANAGE_TEMPLATES)
@require_GET
def templates(request: UserRequest) -> HttpResponse:
    """All templates; ``?modality=`` one device's, ``?q=`` by name or code."""
    rows = ReportTemplate.objects.select_related("current").order_by("-active", "modality", "name")
    modalities = sorted(set(rows.values_list("modality", flat=True)))
    modality, query = request.GET.get("modality", ""), request.GET.get("q", "").strip().lower()
    if modality:
        rows = rows.filter(modality=modality)
    shown = [row for row in rows if query in f"{row.name} {row.code}".lower()]
    context = {
        "rows": shown,
        "modalities": modalities,
        "modality": modality,
        "query": query,
        "missing": missing_templates(),
    }
    return render(request, "report_templates/templates.html", context)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def take_ready(request: UserRequest) -> HttpResponse:
    """Add the templates that come with the suite."""
    added = load_templates(actor_of(request))
    text = ngettext("Đã thêm %(count)s mẫu kết quả có sẵn.", "Đã thêm %(count)s mẫu kết quả có sẵn.", added)
    messages.success(request, text % {"count": added})
    return HttpResponseRedirect(reverse("report_templates:templates"))


@requires(Function.MANAGE_TEMPLATES)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """Design a new one; ``?from=`` begins with another's definition."""
    if request.method == "POST":
        form = TemplateForm(request.POST)
        entered = form.entered()
        if entered:
            try:
                template = create_template(*entered, actor_of(request), form.cleaned_data["comment"])
                messages.success(request, _("Đã lưu %(name)s.") % {"name": template.name})
                return HttpResponseRedirect(reverse("report_templates:change", args=[template.pk]))
            except InvalidValue as error:
                form.refuse(error)
        return _designer(request, form, None)
    begun = (
        ReportTemplate.objects.select_related("current")
        .filter(pk=whole_number(request.GET.get("from", "")) or 0)
        .first()
    )
    initial = {"definition": json.dumps(_EMPTY)}
    if begun is not None and begun.current is not None:
        initial = {
            "definition": json.dumps(begun.current.definition),
            "modality": begun.modality,
            "name": f"{begun.name} (2)",
            "code": f"{begun.code[:60]}-2",
        }
    return _designer(request, TemplateForm(initial=initial), None)


@requires(Function.MANAGE_TEMPLATES)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, template_id: int) -> HttpResponse:
    """Design one anew; its earlier versions stay."""
    template = _template(template_id)
    number = template.current.number if template.current else 0
    if request.method != "POST":
        return _designer(request, TemplateForm.of(template), template)
    form = TemplateForm({**request.POST.dict(), "code": template.code})
    entered = form.entered()
    if entered:
        over = form.cleaned_data["over"] or number
        try:
            change_template(template_id, *entered, actor_of(request), over=over, comment=form.cleaned_data["comment"])
            messages.success(request, _("Đã lưu %(name)s.") % {"name": template.name})
            return HttpResponseRedirect(reverse("report_templates:change", args=[template_id]))
        except (InvalidValue, EditConflict) as error:
            form.refuse(error)
    return _designer(request, form, template)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def set_active_now(request: UserRequest, template_id: int) -> HttpResponse:
    """Offer it to readers, or no longer."""
    template = set_active(template_id, request.POST.get("active") == "1", actor_of(request))
    text = _("%(name)s được dùng từ bây giờ.") if template.active else _("%(name)s không còn được chọn khi đọc.")
    messages.success(request, text % {"name": template.name})
    return HttpResponseRedirect(reverse("report_templates:change", args=[template_id]))


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def restore(request: UserRequest, template_id: int, number: int) -> HttpResponse:
    """Take an earlier version again."""
    restore_version(template_id, number, actor_of(request))
    messages.success(request, _("Đã lấy lại bản %(number)s thành bản mới.") % {"number": number})
    return HttpResponseRedirect(reverse("report_templates:change", args=[template_id]))


@requires(Function.MANAGE_TEMPLATES)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """All templates in use, or one (``?code=``), as a file."""
    rows = ReportTemplate.objects.select_related("current").filter(active=True).order_by("code")
    if code := request.GET.get("code"):
        rows = ReportTemplate.objects.select_related("current").filter(code=code)
    response = HttpResponse(exchange.exported(list(rows), actor_of(request)), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="report-templates.json"'
    return response


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def import_file(request: UserRequest) -> HttpResponse:
    """A file of ours (JSON) is taken whole; an MRRT file (HTML) is opened in the designer, to be looked at first."""
    file = request.FILES.get("file")
    data = file.read(exchange.MOST_BYTES + 1) if file else b""
    try:
        if data.lstrip()[:1] == b"<":
            found = read_mrrt(data)
            initial = {"name": found.title, "definition": json.dumps(found.definition.as_json())}
            return _designer(request, TemplateForm(initial=initial), None)
        added, changed = exchange.imported(data, actor_of(request))
    except InvalidValue as error:
        messages.error(request, sentence_of(error))
    else:
        messages.success(
            request, _("Đã nhập: %(added)s mẫu mới, %(changed)s mẫu có bản mới.") % {"added": added, "changed": changed}
        )
    return HttpResponseRedirect(reverse("report_templates:templates"))


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def preview(request: UserRequest) -> HttpResponse:
    """What a definition brings into an empty report of a patient of this sex and age, as text."""
    age = request.POST.get("age", "")
    facts = ExamFacts(
        sex=request.POST.get("sex", ""),
        age_years=int(age) if age.isdecimal() and len(age) <= 3 else None,
        service_code=request.POST.get("service_code", ""),
        modality=request.POST.get("modality", ""),
    )
    try:
        definition = Definition.from_json(read_json(request.POST.get("definition", ""), field="definition"))
        content, _kept = filled(plain_content(), definition, facts)
    except InvalidValue as error:
        return JsonResponse({"error": sentence_of(error)}, status=422)
    return JsonResponse({"text": plain_text(content, usual_titles()), "content": content.as_json()})


def _template(template_id: int) -> ReportTemplate:
    template = ReportTemplate.objects.select_related("current").filter(pk=template_id).first()
    if template is None:
        raise NotFound("there is no such template", field="template")
    return template


def _designer(request: UserRequest, form: TemplateForm, template: ReportTemplate | None) -> HttpResponse:
    versions = template.versions.order_by("-number")[:50] if template else []
    context = {"form": form, "template": template, "versions": versions}
    return render(request, "report_templates/designer.html", context, status=422 if form.errors else 200)
