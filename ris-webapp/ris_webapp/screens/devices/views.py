"""The registry of devices: who they are, what they may do, what they have fetched, whether they answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.db.models import Max
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.devices.models import Device
from ris_core.devices.services import DeviceRegistration, change_device, register_device
from ris_core.engine import Engine, EngineFailed
from ris_core.errors import InvalidValue, NotFound
from ris_core.worklist.models import WorklistEntry, WorklistFetch
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.devices.forms import DeviceForm

RECENT_FETCHES = 50


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device with what it has done lately."""

    device: Device
    fetched_at: datetime | None


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_GET
def devices(request: UserRequest) -> HttpResponse:
    """All devices; those in use first."""
    fetched = dict(WorklistFetch.objects.values_list("ae_title").annotate(at=Max("last_at")))
    rows = [DeviceRow(each, fetched.get(each.ae_title)) for each in Device.objects.order_by("-active", "ae_title")]
    return render(request, "devices/devices.html", {"rows": rows})


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_GET
def device(request: UserRequest, device_id: int) -> HttpResponse:
    """One device: which steps wait for it, and which it has fetched."""
    found = _device(device_id)
    fetches = WorklistFetch.objects.filter(ae_title=found.ae_title).order_by("-last_at")
    context = {
        "device": found,
        "fetches": list(
            fetches.select_related("step__procedure__patient", "step__procedure__request")[:RECENT_FETCHES]
        ),
        "waiting": WorklistEntry.objects.filter(station_ae_title=found.ae_title).count(),
    }
    return render(request, "devices/device.html", context)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add a device."""
    form = DeviceForm(request.POST) if request.method == "POST" else DeviceForm()
    saved = _saved(form, lambda registration: register_device(registration, actor_of(request)))
    if saved:
        messages.success(request, _("Đã thêm máy %(name)s.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("devices:devices"))
    return render(request, "devices/edit.html", {"form": form, "device": None}, status=422 if form.errors else 200)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, device_id: int) -> HttpResponse:
    """Change a device; one that is no longer used is made inactive, never deleted."""
    found = _device(device_id)
    form = DeviceForm(request.POST) if request.method == "POST" else DeviceForm.of(found)
    saved = _saved(form, lambda registration: change_device(device_id, registration, actor_of(request)))
    if saved:
        messages.success(request, _("Đã lưu máy %(name)s.") % {"name": saved.name})
        return HttpResponseRedirect(reverse("devices:device", args=(device_id,)))
    return render(request, "devices/edit.html", {"form": form, "device": found}, status=422 if form.errors else 200)


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_POST
def echo(request: UserRequest, device_id: int) -> HttpResponse:
    """Ask the device for a C-ECHO, from the engine, as images will be sent."""
    found = _device(device_id)
    began = time.monotonic()
    try:
        with Engine.from_settings(settings.QUANG, "web", timeout_seconds=10) as engine:
            engine.echo(found.ae_title, found.host, found.port)
        answered = True
    except EngineFailed:
        answered = False
    record(actor_of(request), "device.echoed", subject=found.ae_title, success=answered)
    milliseconds = int((time.monotonic() - began) * 1000)
    return render(request, "devices/echo.html", {"answered": answered, "milliseconds": milliseconds, "device": found})


def _device(device_id: int) -> Device:
    found = Device.objects.filter(pk=device_id).first()
    if found is None:
        raise NotFound("there is no such device", field="device")
    return found


def _saved(form: DeviceForm, save: Callable[[DeviceRegistration], Device]) -> Device | None:
    registration = form.registration() if form.is_bound else None
    if registration is None:
        return None
    try:
        return save(registration)
    except InvalidValue as error:
        form.refuse(error)
        return None
