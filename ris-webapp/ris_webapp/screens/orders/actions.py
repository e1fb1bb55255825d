"""What a person does to an order: end it, correct its numbers, link it to the HIS's."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, QuangError, TransitionRefused
from ris_core.orders.ending import end_procedure
from ris_core.orders.errors import OrderExists
from ris_core.orders.linking import link_orders, unlink_orders
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, OrderLink, RequestedProcedure
from ris_core.orders.renumbering import change_accession_number, change_placer_number, restore_number
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires


@requires(Function.MANAGE_ORDERS)
@require_POST
def end(request: UserRequest, procedure_id: int) -> HttpResponse:
    """Cancel one procedure, or discontinue it when it has begun."""
    discontinue = request.POST.get("discontinue") == "yes"
    reason = request.POST.get("reason", "")
    return _done(
        request,
        _request_of(procedure_id),
        lambda: end_procedure(procedure_id, reason, actor_of(request), discontinue=discontinue),
        _("Đã dừng ca chụp.") if discontinue else _("Đã huỷ chỉ định; máy không còn thấy ca này."),
    )


@requires(Function.MANAGE_ORDERS)
@require_POST
def change_accession(request: UserRequest, request_id: int) -> HttpResponse:
    """Give the order another accession number."""
    number, reason = request.POST.get("number", ""), request.POST.get("reason", "")
    if not ImagingServiceRequest.objects.filter(pk=request_id).exists():
        raise NotFound("there is no such order", field="order")
    return _done(
        request,
        request_id,
        lambda: change_accession_number(request_id, number, reason, actor_of(request)),
        _("Đã đổi số phiếu; số cũ vẫn tìm thấy phiếu."),
    )


@requires(Function.MANAGE_ORDERS)
@require_POST
def change_placer(request: UserRequest, procedure_id: int) -> HttpResponse:
    """Give one procedure another placer order number."""
    number, reason = request.POST.get("number", ""), request.POST.get("reason", "")
    return _done(
        request,
        _request_of(procedure_id),
        lambda: change_placer_number(procedure_id, number, reason, actor_of(request)),
        _("Đã đổi số chỉ định; số cũ vẫn tìm thấy phiếu."),
    )


@requires(Function.MANAGE_ORDERS)
@require_POST
def restore(request: UserRequest, former_id: int) -> HttpResponse:
    """Bring a former number back."""
    former = FormerNumber.objects.filter(pk=former_id).first()
    if former is None:
        raise NotFound("there is no such former number", field="number")
    reason = request.POST.get("reason", "").strip() or _("Lấy lại số cũ")
    return _done(
        request,
        former.request_id,
        lambda: restore_number(former_id, reason, actor_of(request)),
        _("Đã lấy lại số %(number)s.") % {"number": former.value},
    )


@requires(Function.MANAGE_ORDERS)
@require_POST
def link(request: UserRequest, procedure_id: int) -> HttpResponse:
    """Make a procedure of the RIS the HIS's order."""
    his = whole_number(request.POST.get("his_procedure", ""))
    if his is None:
        raise NotFound("no order chosen", field="his_procedure")
    return _done(
        request,
        _request_of(procedure_id),
        lambda: link_orders(procedure_id, his, request.POST.get("reason", ""), actor_of(request)),
        _("Đã nối với chỉ định của HIS; kết quả sẽ về HIS đó."),
    )


@requires(Function.MANAGE_ORDERS)
@require_POST
def unlink(request: UserRequest, order_link_id: int) -> HttpResponse:
    """Take a link back."""
    found = OrderLink.objects.select_related("procedure").filter(pk=order_link_id).first()
    if found is None:
        raise NotFound("there is no such link", field="link")
    return _done(
        request,
        found.procedure.request_id,
        lambda: unlink_orders(order_link_id, actor_of(request)),
        _("Đã gỡ nối; hai chỉ định lại như trước."),
    )


def _request_of(procedure_id: int) -> int:
    request_id = RequestedProcedure.objects.filter(pk=procedure_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise NotFound("there is no such procedure", field="procedure")
    return request_id


def _done(request: UserRequest, request_id: int, act: Callable[[], object], told: str) -> HttpResponse:
    """Act, and back to the order's page with what came of it."""
    try:
        act()
    except (InvalidValue, OrderExists, TransitionRefused, IdentityConflict) as error:
        messages.error(request, _reason(error))
    else:
        messages.success(request, told)
    return HttpResponseRedirect(reverse("orders:order", args=(request_id,)))


def _reason(error: QuangError) -> str:
    if error.field == "reason":
        return _("Hãy ghi lý do.")
    if isinstance(error, OrderExists):
        return _("Số này đang, hoặc đã từng, là của phiếu khác.")
    if isinstance(error, IdentityConflict):
        return _("Hai chỉ định của hai người bệnh khác nhau.")
    if isinstance(error, TransitionRefused):
        return _("Không làm được ở trạng thái hiện tại: ca đã chụp, đã huỷ, hoặc kết quả đang được gửi.")
    return _("Số không hợp lệ: số phiếu có tối đa 16 ký tự.")
