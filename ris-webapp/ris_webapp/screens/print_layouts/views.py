"""Print layouts: the list, the form with its preview and history."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import EditConflict, InvalidValue, NotFound, NotPermitted
from ris_core.print_layouts.arranging import DocumentNotMade, shipped_source
from ris_core.print_layouts.design import Design, LabelDesign, ReportDesign, design_of
from ris_core.print_layouts.models import LayoutKind, PrintLayout
from ris_core.print_layouts.ready import READY, load_layouts
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.print_layouts.services import change_layout, create_layout, restore_version, set_active
from ris_core.print_layouts.typesetting import DocumentTooLarge
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.print_layouts.fields import groups_of
from ris_webapp.screens.print_layouts.forms import LayoutForm, sentence_of
from ris_webapp.screens.print_layouts.previewing import Wanted, shown_pages

_NOT_PRINTED = (LayoutFaulty, DocumentTooLarge, DocumentNotMade)


@requires(Function.MANAGE_TEMPLATES)
@require_GET
def layouts(request: UserRequest) -> HttpResponse:
    """All layouts, those of reports first; faults of reports that were printed without what somebody wrote."""
    faults = Count("versions__reports", filter=~Q(versions__reports__fault=""))
    rows = PrintLayout.objects.select_related("current").prefetch_related("rules").annotate(faults=faults)
    known = {row.code for row in rows}
    context = {
        "rows": rows.order_by("-active", "-kind", "-is_usual", "name"),
        "missing": [facts.name for facts, _design in READY if facts.code not in known],
    }
    return render(request, "print_layouts/layouts.html", context)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def take_ready(request: UserRequest) -> HttpResponse:
    """Add the layouts that come with the suite."""
    added = load_layouts(actor_of(request))
    messages.success(request, _("Đã thêm %(count)s mẫu in có sẵn.") % {"count": added})
    return HttpResponseRedirect(reverse("print_layouts:layouts"))


@requires(Function.MANAGE_TEMPLATES)
@require_http_methods(["GET", "POST"])
def create(request: UserRequest) -> HttpResponse:
    """Design a new one; ``?from=`` begins with another's design, ``?kind=LABEL`` is a label."""
    if request.method == "POST":
        form = LayoutForm.entered(_kind(request.POST.get("kind", "")), request.POST)
        facts, design = form.facts(), form.design()
        if facts and design and _can_be_printed(form, design, request):
            try:
                layout = create_layout(facts, design, actor_of(request), form.comment)
                messages.success(request, _("Đã lưu %(name)s.") % {"name": layout.name})
                return HttpResponseRedirect(reverse("print_layouts:change", args=[layout.pk]))
            except InvalidValue as error:
                form.refuse(error)
        return _editor(request, form, None)
    begun = request.GET.get("from", "")
    other = PrintLayout.objects.filter(pk=begun if begun.isdecimal() and len(begun) < 10 else 0).first()
    if other is not None:
        form = LayoutForm.of(other)
        form.name, form.code, form.is_usual, form.rules = f"{other.name} (2)", f"{other.code[:60]}-2", False, []
    else:
        kind = _kind(request.GET.get("kind", ""))
        form = LayoutForm.showing(kind, LabelDesign() if kind == LayoutKind.LABEL else ReportDesign())
    return _editor(request, form, None)


@requires(Function.MANAGE_TEMPLATES)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, layout_id: int) -> HttpResponse:
    """Design one anew; its earlier versions stay, and with them the reports that are bound to them."""
    layout = _layout(layout_id)
    if request.method != "POST":
        return _editor(request, LayoutForm.of(layout), layout)
    form = LayoutForm.entered(layout.kind, request.POST)
    form.code = layout.code
    facts, design = form.facts(), form.design()
    if facts and design and _can_be_printed(form, design, request):
        try:
            change_layout(layout_id, facts, design, actor_of(request), over=form.over, comment=form.comment)
            messages.success(request, _("Đã lưu %(name)s.") % {"name": facts.name})
            return HttpResponseRedirect(reverse("print_layouts:change", args=[layout_id]))
        except (InvalidValue, EditConflict) as error:
            form.refuse(error)
    return _editor(request, form, layout)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def set_active_now(request: UserRequest, layout_id: int) -> HttpResponse:
    """Use it, or no longer."""
    layout = set_active(layout_id, request.POST.get("active") == "1", actor_of(request))
    text = _("%(name)s được dùng từ bây giờ.") if layout.active else _("%(name)s không còn được dùng để in ca mới.")
    messages.success(request, text % {"name": layout.name})
    return HttpResponseRedirect(reverse("print_layouts:change", args=[layout_id]))


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def restore(request: UserRequest, layout_id: int, number: int) -> HttpResponse:
    """Take an earlier version again."""
    restore_version(layout_id, number, actor_of(request))
    messages.success(request, _("Đã lấy lại bản %(number)s thành bản mới.") % {"number": number})
    return HttpResponseRedirect(reverse("print_layouts:change", args=[layout_id]))


@requires(Function.MANAGE_TEMPLATES)
@require_GET
def version_pdf(request: UserRequest, layout_id: int, number: int) -> HttpResponse:
    """What an earlier version prints of an invented exam."""
    layout = _layout(layout_id)
    version = layout.versions.filter(number=number).first()
    if version is None:
        raise NotFound("there is no such version of this layout", field="version")
    printed, _shown = shown_pages(design_of(layout.kind, version.design), Wanted(), actor_of(request))
    return _pdf(printed.pdf)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def preview(request: UserRequest) -> HttpResponse:
    """What the form as it stands prints: pages as pictures, or what is wrong and where."""
    form, answer = _tried(request)
    if form.errors:
        return JsonResponse({"errors": form.errors}, status=422)
    return JsonResponse(answer)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def preview_pdf(request: UserRequest) -> HttpResponse:
    """The same as a PDF file."""
    form = LayoutForm.entered(_kind(request.POST.get("kind", "")), request.POST)
    design = form.design()
    if design is None:
        return JsonResponse({"errors": form.errors}, status=422)
    printed, _shown = shown_pages(design, _wanted(request), actor_of(request))
    return _pdf(printed.pdf)


def _tried(request: UserRequest) -> tuple[LayoutForm, dict[str, object]]:
    form = LayoutForm.entered(_kind(request.POST.get("kind", "")), request.POST)
    design = form.design()
    if design is None:
        return form, {}
    try:
        return form, shown_pages(design, _wanted(request), actor_of(request))[1]
    except LayoutFaulty as error:
        form.errors["template"] = sentence_of(error)
        form.errors["line"] = str(error.line)
    except NotFound:
        form.errors["exam"] = _("Không có ca của số phiếu này, hoặc ca chưa có kết quả được duyệt.")
    except InvalidValue:
        form.errors["exam"] = _(
            "Phiếu của nhiều người bệnh mang số này, không chọn được: ghi số phiếu của một ca khác."
        )
    except (DocumentTooLarge, DocumentNotMade) as error:
        form.errors[""] = f"{error.detail} ({error.code})"
    return form, {}


def _can_be_printed(form: LayoutForm, design: Design, request: UserRequest) -> bool:
    """Whether what somebody wrote prints an invented exam; else the form says why not."""
    if not design.template and not design.style:
        return True
    try:
        for state in ("F", "D"):
            shown_pages(design, Wanted(state=state), actor_of(request))
    except _NOT_PRINTED as error:
        form.errors["template"] = sentence_of(error)
        return False
    return True


def _wanted(request: UserRequest) -> Wanted:
    """:raises NotPermitted: a real exam by somebody who may not see reports"""
    exam = request.POST.get("preview_exam", "").strip()
    if exam and not may(request.user.role, Function.VIEW_REPORT):
        raise NotPermitted("this role may not see reports", field=Function.VIEW_REPORT)
    images = request.POST.get("preview_images", "")
    count = int(images) if images.isdecimal() and len(images) < 3 else 6
    return Wanted(count, request.POST.get("preview_state", "F"), exam, request.user)


def _pdf(content: bytes) -> HttpResponse:
    return HttpResponse(content, content_type="application/pdf", headers={"Content-Disposition": "inline"})


def _kind(value: str) -> str:
    return LayoutKind.LABEL if value == LayoutKind.LABEL else LayoutKind.REPORT


def _layout(layout_id: int) -> PrintLayout:
    layout = PrintLayout.objects.select_related("current").filter(pk=layout_id).first()
    if layout is None:
        raise NotFound("there is no such layout", field="layout")
    return layout


def _editor(request: UserRequest, form: LayoutForm, layout: PrintLayout | None) -> HttpResponse:
    shipped = "label.html.jinja" if form.kind == LayoutKind.LABEL else "report.html.jinja"
    context = {
        "form": form,
        "layout": layout,
        "groups": groups_of(form.kind),
        "versions": layout.versions.order_by("-number")[:50] if layout else [],
        "shipped": shipped_source(shipped),
    }
    return render(request, "print_layouts/editor.html", context, status=422 if form.errors else 200)
