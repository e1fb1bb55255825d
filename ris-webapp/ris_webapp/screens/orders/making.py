"""Make an order at the counter, and change one."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.catalogue.models import Department, Room, Staff
from ris_core.devices.models import ImagingService
from ris_core.errors import NotFound, QuangError
from ris_core.names import folded
from ris_core.orders.making import amend_order, duplicates, make_order
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.sight.errors import OutOfSight
from ris_core.sight.seeing import seen_patients, sees_patient
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.orders.forms import ChangeForm, NewOrderForm
from ris_webapp.screens.patients.finding import Found, found
from ris_webapp.searched import note_search

SERVICES_SHOWN = 12
PATIENTS_SHOWN = 8
_PICK_LIST = 300


@requires(Function.MANAGE_ORDERS)
@require_http_methods(["GET", "POST"])
def new(request: UserRequest) -> HttpResponse:
    """A new order; one that looks like a duplicate is asked about once."""
    if request.method == "GET":
        return _page(
            request, NewOrderForm(initial={"patient": request.GET.get("patient", ""), "priority": "ROUTINE"}), ()
        )
    form = NewOrderForm(request.POST)
    service_ids = tuple(dict.fromkeys(whole_numbers(request.POST.getlist("service"))))
    valid = form.is_valid()
    if not service_ids:
        form.add_error("service", _("Chọn ít nhất một dịch vụ."))
    if not (valid and service_ids):
        return _page(request, form, service_ids)
    who, order = form.who(), form.order(service_ids)
    if isinstance(who, int) and not sees_patient(request.user, who):
        raise OutOfSight("outside what this account sees", field="sight")
    if isinstance(who, int) and not form.cleaned_data["confirmed"]:
        alike = duplicates(who, service_ids, order.scheduled_at)
        if alike:
            return _page(request, form, service_ids, alike)
    try:
        placed = make_order(who, order, actor_of(request))
    except NotFound as error:
        form.refuse(error)
        return _page(request, form, service_ids)
    except QuangError as error:
        form.refuse(error)
        return _page(request, form, service_ids)
    messages.success(request, _("Đã tạo chỉ định, số phiếu %(number)s.") % {"number": placed[0].accession_number})
    return HttpResponseRedirect(reverse("orders:order", args=(placed[0].request_id,)))


@requires(Function.MANAGE_ORDERS)
@require_GET
def patients(request: UserRequest) -> HttpResponse:
    """Patients that a search finds, to choose one."""
    query = request.GET.get("patient_query", "").strip()[:100]
    people = found(query, request.user)[:PATIENTS_SHOWN]
    note_search(request, "patient.searched", query, (each.patient.pk for each in people))
    context = {"people": people, "query": query, "chosen": ""}
    return render(request, "orders/patients.html", context)


@requires(Function.MANAGE_ORDERS)
@require_GET
def services(request: UserRequest) -> HttpResponse:
    """Services that a search finds, after those that are chosen already."""
    query = request.GET.get("service_query", "").strip()[:100]
    chosen = whole_numbers(request.GET.getlist("service"))
    return render(request, "orders/services.html", {"services": _services(query, chosen), "chosen": chosen})


@requires(Function.MANAGE_ORDERS)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, procedure_id: int) -> HttpResponse:
    """Change one procedure of an order, whoever placed it."""
    procedure = RequestedProcedure.objects.select_related("request", "patient").filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such procedure", field="procedure")
    step = procedure.steps.order_by("pk").first()
    form = ChangeForm(request.POST) if request.method == "POST" else ChangeForm.of(procedure, step)
    if form.is_bound and form.is_valid():
        try:
            changed = amend_order(procedure.pk, form.amendment(procedure), actor_of(request))
        except QuangError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Đã sửa chỉ định.") if changed else _("Không có gì thay đổi."))
            return HttpResponseRedirect(reverse("orders:order", args=(procedure.request_id,)))
    context = {"form": form, "procedure": procedure, **_pick_lists()}
    return render(request, "orders/change.html", context, status=422 if form.errors else 200)


def _page(
    request: UserRequest,
    form: NewOrderForm,
    service_ids: tuple[int, ...],
    alike: list[RequestedProcedure] | None = None,
) -> HttpResponse:
    value = str(form["patient"].value() or "")
    context = {
        "form": form,
        "people": _chosen_patient(value, request.user),
        "chosen_patient": value,
        "services": _services("", list(service_ids)),
        "chosen": list(service_ids),
        "alike": alike or [],
        **_pick_lists(),
    }
    return render(request, "orders/new.html", context, status=422 if form.errors else 200)


def _chosen_patient(value: str, user: User) -> list[Found]:
    keys = whole_numbers([value])
    people = seen_patients(Patient.objects.filter(pk__in=keys, merged_into__isnull=True), user)
    return [
        Found(patient, list(patient.identifiers.order_by("-is_primary", "pk")), through_merged=False)
        for patient in people
    ]


def _services(query: str, chosen: list[int]) -> list[ImagingService]:
    """The chosen ones first, then those with every word of ``query``, with or without diacritics."""
    active = ImagingService.objects.filter(active=True).order_by("name", "pk")
    kept = list(active.filter(pk__in=chosen))
    words = folded(query).split()
    if not words and not chosen:
        return list(active[:SERVICES_SHOWN])
    fitting = []
    if words:
        for row in active.exclude(pk__in=chosen).iterator():
            text = folded(f"{row.code} {row.name} {row.modality}")
            if all(word in text for word in words):
                fitting.append(row)
                if len(fitting) == SERVICES_SHOWN:
                    break
    return [*kept, *fitting]


def _pick_lists() -> dict[str, list[str]]:
    """What may be chosen instead of typed."""
    rooms = Room.objects.filter(active=True).order_by("code").values_list("code", flat=True)
    staff = Staff.objects.filter(Q(kind=Staff.Kind.PHYSICIAN), active=True).order_by("name")
    departments = Department.objects.filter(active=True).order_by("name").values_list("name", flat=True)
    return {
        "rooms": list(rooms[:_PICK_LIST]),
        "physicians": [f"{row.title} {row.name}".strip() for row in staff[:_PICK_LIST]],
        "departments": list(departments[:_PICK_LIST]),
    }
