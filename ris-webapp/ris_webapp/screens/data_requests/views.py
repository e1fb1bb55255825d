"""The register of what patients ask about their data: recorded, decided, answered in time (law 91/2025/QH15; P16)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.csv_files import written
from ris_core.data_requests import services
from ris_core.data_requests.copying import copy_of
from ris_core.data_requests.models import DataRequest, Decision, RequestKind
from ris_core.data_requests.rules import Standing, first_reply, standing
from ris_core.errors import InvalidValue, NotFound
from ris_core.patients.models import Patient
from ris_core.sight.seeing import seen_patients
from ris_core.teaching.services import cases_of
from ris_webapp.asked import Asked
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.data_requests import words
from ris_webapp.screens.patients.record import second_patient

PAGE_ROWS = 50
MOST_EXPORTED = 20_000
FIELDS = (
    "kind", "asker", "asked_by", "proof", "wanted", "received_on", "decision", "kept_by", "reason", "done",
    "answered_on",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted(Asked):
    """Which requests the list shows."""

    CHOICES: ClassVar = {"state": tuple(words.STATES), "kind": tuple(words.KINDS)}

    state: str = "open"
    kind: str = ""

    def of_user(self, user: User) -> QuerySet[DataRequest]:
        """Those that fit of patients whom the user sees: what is due first, the answered ones latest first."""
        found = DataRequest.objects.filter(patient__in=seen_patients(Patient.objects.all(), user))
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.state in ("open", "overdue"):
            found = found.filter(answered_on=None)
        if self.state == "overdue":
            found = found.filter(due_on__lt=services.today())
        if self.state == "answered":
            found = found.exclude(answered_on=None)
        order = ("due_on", "pk") if self.state in ("open", "overdue") else ("-received_on", "-pk")
        return found.select_related("patient", "recorded_by", "decided_by", "answered_by").order_by(*order)


@requires(Function.ANSWER_DATA_REQUESTS)
@require_GET
def requests(request: UserRequest) -> HttpResponse:
    """What waits, the most urgent first."""
    wanted = Wanted.of(request.GET.dict())
    page = Paginator(wanted.of_user(request.user), PAGE_ROWS).get_page(wanted.page)
    context = {
        "wanted": wanted,
        "page": page,
        "rows": [(each, _standing(each)) for each in page],
        "words": words,
    }
    return render(request, "data_requests/requests.html", context)


@requires(Function.ANSWER_DATA_REQUESTS)
@require_GET
def export(request: UserRequest) -> HttpResponse:
    """What the list shows, as CSV in which no cell is a formula."""
    wanted = Wanted.of(request.GET.dict())
    found = wanted.of_user(request.user)[:MOST_EXPORTED]
    columns = [
        _("Số"), _("Yêu cầu"), _("Người bệnh"), _("Người yêu cầu"), _("Là ai"), _("Giấy tờ"), _("Nội dung yêu cầu"),
        _("Ngày nhận"), _("Hạn trả lời"), _("Quyết định"), _("Theo quy định"), _("Lý do"), _("Đã làm"),
        _("Ngày trả lời"), _("Quá hạn"), _("Người ghi"), _("Người quyết định"), _("Người trả lời"),
    ]  # fmt: skip
    rows = [_cells(each) for each in found]
    record(actor_of(request), "data_request.exported", subject="data_requests", rows=len(rows), state=wanted.state)
    answer = HttpResponse(written(columns, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="data-requests.csv"'
    return answer


@requires(Function.ANSWER_DATA_REQUESTS)
@require_http_methods(["GET", "POST"])
def new(request: UserRequest) -> HttpResponse:
    """Record what the patient of ``?patient=`` asks."""
    key = whole_number(request.GET.get("patient", ""))
    if key is None:
        raise NotFound("there is no such patient", field="patient")
    patient = second_patient(key, request.user)
    said, wrong = _said(request), {}
    if request.method == "POST":
        try:
            made = services.record_request(
                patient.pk, said["kind"], actor_of(request), asker=said["asker"], asked_by=said["asked_by"],
                proof=said["proof"], wanted=said["wanted"], received_on=_day(said["received_on"], "received_on"),
            )  # fmt: skip
        except InvalidValue as error:
            wrong = _told(error)
        else:
            messages.success(request, _("Đã ghi yêu cầu."))
            return HttpResponseRedirect(reverse("data_requests:request", args=[made.pk]))
    else:
        said |= {"asker": patient.full_name, "received_on": services.today().isoformat(), "kind": "ACCESS"}
        said |= {"asked_by": "SELF", "proof": "IDENTITY_CARD"}
    days = {kind.value: services.days_for(kind) for kind in RequestKind}
    context = {"patient": patient, "said": said, "wrong": wrong, "words": words, "days": days}
    return render(request, "data_requests/new.html", context, status=422 if wrong else 200)


@requires(Function.ANSWER_DATA_REQUESTS)
@require_GET
def request(request: UserRequest, data_request_id: int) -> HttpResponse:
    """One request with what is to be done next."""
    found = _found(data_request_id)
    subject = f"data_request:{found.pk}"
    record(actor_of(request), "data_request.viewed", subject=subject, patient_id=found.patient_id)
    return _page(request, found, _said(request), {})


@requires(Function.ANSWER_DATA_REQUESTS)
@require_POST
def decide(request: UserRequest, data_request_id: int) -> HttpResponse:
    """Grant, grant in part or refuse."""
    said = _said(request)
    try:
        services.decide(
            data_request_id, actor_of(request), decision=said["decision"], kept_by=said["kept_by"],
            reason=said["reason"],
        )  # fmt: skip
    except InvalidValue as error:
        return _page(request, _found(data_request_id), said, _told(error))
    messages.success(request, _("Đã ghi quyết định."))
    return HttpResponseRedirect(reverse("data_requests:request", args=[data_request_id]))


@requires(Function.ANSWER_DATA_REQUESTS)
@require_POST
def answer(request: UserRequest, data_request_id: int) -> HttpResponse:
    """Say what was done and when who asked was told."""
    said = _said(request)
    try:
        day = _day(said["answered_on"], "answered_on")
        services.answer(data_request_id, actor_of(request), done=said["done"], answered_on=day)
    except InvalidValue as error:
        return _page(request, _found(data_request_id), said, _told(error))
    messages.success(request, _("Đã ghi trả lời."))
    return HttpResponseRedirect(reverse("data_requests:request", args=[data_request_id]))


@requires(Function.ANSWER_DATA_REQUESTS)
@require_POST
def copy(request: UserRequest, data_request_id: int) -> HttpResponse:
    """Everything that is kept of the patient who asked to see it, in a ZIP.

    :raises InvalidValue: the request is not to see it, or was not granted
    """
    found = _found(data_request_id)
    if found.kind != RequestKind.ACCESS or found.decision not in ("GRANTED", "PARTLY"):
        raise InvalidValue("a copy is made for a request to see the data that was granted", field="decision")
    with_reports = may(request.user.role, Function.VIEW_REPORT)
    content = copy_of(found.patient_id, with_reports=with_reports)
    subject = f"data_request:{found.pk}"
    record(
        actor_of(request), "patient.data_exported", subject=subject, patient_id=found.patient_id, reports=with_reports
    )
    made = HttpResponse(content, content_type="application/zip")
    made["Content-Disposition"] = f'attachment; filename="data-request-{found.pk}.zip"'
    return made


def _page(request: UserRequest, found: DataRequest, said: dict[str, str], wrong: dict[str, str]) -> HttpResponse:
    closing = found.kind in (RequestKind.ERASURE, RequestKind.RESTRICTION) and found.decision != Decision.REFUSED
    context = {
        "each": found,
        "closed_cases": cases_of(found.patient_id).count() if closing else 0,
        "erases": services.erases(found),
        "standing": _standing(found),
        "first_reply": first_reply(found.received_on),
        "kept_until": services.records_kept_until(found.patient_id),
        "today": services.today(),
        "said": said,
        "wrong": wrong,
        "words": words,
        "with_reports": may(request.user.role, Function.VIEW_REPORT),
    }
    return render(request, "data_requests/request.html", context, status=422 if wrong else 200)


def _found(key: int) -> DataRequest:
    """:raises NotFound: there is no such request"""
    people = ("patient", "recorded_by", "decided_by", "answered_by")
    found = DataRequest.objects.select_related(*people).filter(pk=key).first()
    if found is None:
        raise NotFound("there is no such request", field="request")
    return found


def _standing(each: DataRequest) -> Standing:
    return standing(each.due_on, each.answered_on, services.today())


def _said(request: UserRequest) -> dict[str, str]:
    fields = ("kind", "asker", "asked_by", "proof", "wanted", "received_on")
    return {
        name: request.POST.get(name, "") for name in (*fields, "decision", "kept_by", "reason", "done", "answered_on")
    }


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidValue("no day", field=field) from error


def _told(error: InvalidValue) -> dict[str, str]:
    """The sentence beside the field."""
    if error.field == "decision" and "must be kept" in error.detail:
        return {"decision": _("Hồ sơ bệnh án còn trong thời hạn lưu trữ: chỉ đồng ý một phần, hoặc từ chối.")}
    return {error.field: str(words.WHAT_TO_DO.get(error.field, words.CHOOSE))}


def _cells(each: DataRequest) -> list[str]:
    people = [person.full_name if person else "" for person in (each.recorded_by, each.decided_by, each.answered_by)]
    return [
        str(each.pk), str(words.KINDS[each.kind]), each.patient.full_name, each.asker,
        str(words.ASKED_BY[each.asked_by]), str(words.PROOFS[each.proof]), each.wanted,
        f"{each.received_on:%d/%m/%Y}", f"{each.due_on:%d/%m/%Y}", str(words.DECISIONS.get(each.decision, "")),
        str(words.KEPT_BY.get(each.kept_by, "")), each.reason, each.done,
        f"{each.answered_on:%d/%m/%Y}" if each.answered_on else "",
        _("có") if _standing(each).overdue else "", *people,
    ]  # fmt: skip
