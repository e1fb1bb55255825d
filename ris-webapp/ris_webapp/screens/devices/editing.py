"""Register and change devices, one by one or by a file."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.devices.exchange import MOST_BYTES, LineRefused, export_devices, import_devices
from ris_core.devices.models import Device
from ris_core.devices.services import (
    DeviceRegistration,
    change_device,
    forget_refused,
    register_device,
    registration_of,
)
from ris_core.errors import InvalidValue
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.devices.forms import DeviceForm
from ris_webapp.screens.devices.views import device_or_404


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add a device; ``?ae_title=`` and ``?host=`` fill in what one knows of a device that has tried."""
    known = {name: request.GET[name][:255] for name in ("ae_title", "host") if request.GET.get(name)}
    form = DeviceForm(request.POST) if request.method == "POST" else DeviceForm(initial=known)
    saved = _saved(form, lambda registration: register_device(registration, actor_of(request)))
    if saved:
        messages.success(request, _("Đã thêm máy %(name)s.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("devices:device", args=(saved.pk,)))
    return render(request, "devices/edit.html", {"form": form, "device": None}, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, device_id: int) -> HttpResponse:
    """Change a device; one that is no longer used is made inactive, never deleted."""
    found = device_or_404(device_id)
    form = DeviceForm(request.POST) if request.method == "POST" else DeviceForm.of(registration_of(found))
    saved = _saved(form, lambda registration: change_device(device_id, registration, actor_of(request)))
    if saved:
        messages.success(request, _("Đã lưu máy %(name)s.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("devices:device", args=(device_id,)))
    return render(request, "devices/edit.html", {"form": form, "device": found}, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_POST
def forget(request: UserRequest) -> HttpResponse:
    """Take a title off the list of those that tried without being registered."""
    forget_refused(request.POST.get("ae_title", "")[:64], actor_of(request))
    return HttpResponseRedirect(reverse("devices:devices"))


@requires(Function.ADMINISTER)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """All devices as a CSV file."""
    record(actor_of(request), "device.exported")
    return HttpResponse(
        export_devices(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="devices.csv"'},
    )


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def take_in(request: UserRequest) -> HttpResponse:
    """Add and replace devices from a CSV file: all of it, or nothing."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise InvalidValue("no file", field="file")
            done = import_devices(file.read(MOST_BYTES + 1), actor_of(request))
        except LineRefused as refused:
            error = _("Dòng %(line)s, cột %(column)s: %(what)s. Chưa có máy nào được thay đổi.") % {
                "line": refused.line, "column": refused.field, "what": refused.detail,
            }  # fmt: skip
        except InvalidValue as refused:
            error = _("Không đọc được tệp: %(what)s.") % {"what": refused.detail}
        else:
            messages.success(
                request,
                _("Đã thêm %(added)s máy, sửa %(changed)s máy.") % {"added": done.added, "changed": done.changed},
            )
            return HttpResponseRedirect(reverse("devices:devices"))
    return render(request, "devices/import.html", {"error": error}, status=422 if error else 200)


def _saved(form: DeviceForm, save: Callable[[DeviceRegistration], Device]) -> Device | None:
    registration = form.registration() if form.is_bound else None
    if registration is None:
        return None
    try:
        return save(registration)
    except InvalidValue as error:
        form.refuse(error)
        return None
