"""The registry of devices: what each may do, has asked, fetched and sent, and whether it answers."""

from __future__ import annotations

import time

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.devices import host_names
from ris_core.devices.models import Device, HostAddresses, RefusedDevice
from ris_core.devices.registered import registered_device
from ris_core.devices.services import note_echo, registration_of
from ris_core.errors import NotFound
from ris_core.orders.models import ScheduledProcedureStep
from ris_core.studies.models import Study
from ris_core.worklist.models import WorklistFetch, WorklistQuery
from ris_core.worklist.services import find_entries
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.devices.echoing import echo_result
from ris_webapp.screens.devices.listing import BOXES, Wanted, listing
from ris_webapp.screens.devices.words import ECHO, KEYS, REFUSALS, SERVICES, STATIONS, STATUSES

RECENT = 50
TABS = ("overview", "worklist", "queries", "images")


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_GET
def devices(request: UserRequest) -> HttpResponse:
    """The devices that are asked for, and titles that have tried without being registered."""
    context = {
        "listing": listing(Wanted.of(request.GET.dict())),
        "boxes": BOXES,
        "services": SERVICES,
        "refusals": REFUSALS,
        "echo": ECHO,
    }
    return render(request, "devices/devices.html", context)


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_GET
def device(request: UserRequest, device_id: int) -> HttpResponse:
    """One device; ``?tab=`` says what of it: its registration, its worklist now, its queries, its images."""
    found = device_or_404(device_id)
    tab = request.GET.get("tab", "")
    context = {
        "device": found,
        "registration": registration_of(found),
        "tab": tab if tab in TABS else "overview",
        "words": {
            "echo": ECHO,
            "keys": KEYS,
            "stations": STATIONS,
            "statuses": STATUSES,
            "services": SERVICES,
            "refusals": REFUSALS,
        },
        "unfound": (unfound := _unfound(found)),
        "unfound_holds_until": unfound and host_names.holds_until(unfound),
        "refused": list(RefusedDevice.objects.filter(ae_title=found.ae_title)),
        **_lately(found, tab),
    }
    return render(request, "devices/device.html", context)


def _unfound(found: Device) -> HostAddresses | None:
    """Its host's name, when it is let in by it and no name server knows it now."""
    return None if found.networks else host_names.failing().filter(host=found.host).first()


@requires(Function.VIEW_DEVICES, Function.ADMINISTER)
@require_POST
def echo(request: UserRequest, device_id: int) -> HttpResponse:
    """Ask the device for a C-ECHO, from the engine, as images will be sent."""
    found = device_or_404(device_id)
    began = time.monotonic()
    result = echo_result(found)
    note_echo(device_id, result, actor_of(request))
    context = {
        "result": result,
        "said": ECHO[result],
        "milliseconds": int((time.monotonic() - began) * 1000),
        "device": found,
    }
    return render(request, "devices/echo.html", context)


def device_or_404(device_id: int) -> Device:
    """:raises NotFound: when there is no such device"""
    found = Device.objects.filter(pk=device_id).first()
    if found is None:
        raise NotFound("there is no such device", field="device")
    return found


def _lately(device: Device, tab: str) -> dict[str, object]:
    """What the tab shows."""
    if tab == "worklist":
        known = registered_device(device.ae_title)
        found = find_entries({}, settings.QUANG.worklist.max_answers, known)
        steps = ScheduledProcedureStep.objects.select_related("procedure__patient", "procedure__request")
        by_id = steps.in_bulk(found.step_ids[:RECENT])
        return {"shown": [by_id[pk] for pk in found.step_ids[:RECENT] if pk in by_id], "total": len(found.step_ids)}
    if tab == "queries":
        fetches = WorklistFetch.objects.filter(ae_title=device.ae_title).order_by("-last_at")
        return {
            "queries": list(WorklistQuery.objects.filter(ae_title=device.ae_title).order_by("-last_at")),
            "fetches": list(fetches.select_related("step__procedure__patient", "step__procedure__request")[:RECENT]),
        }
    if tab == "images":
        studies = Study.objects.filter(remote_ae_title=device.ae_title).order_by("-last_received_at")
        return {"studies": list(studies[:RECENT])}
    return {}
