"""What one account sees: limits, single exams besides; and which patients are confidential (P13, P17)."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.models import User
from ris_core.accounts.roles import sees_own_only
from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue
from ris_core.sight import services
from ris_core.sight.models import SightGrant, SightLimit
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

FIELDS = (
    ("departments", gettext_lazy("Khoa chỉ định"), gettext_lazy("Tên khoa như trên chỉ định.")),
    ("modalities", gettext_lazy("Loại máy"), "CT, MR, DX…"),
    ("rooms", gettext_lazy("Phòng chụp"), gettext_lazy("Tên phòng như trên lịch chụp.")),
    (
        "physicians",
        gettext_lazy("Bác sĩ chỉ định"),
        gettext_lazy("Tên như HIS gửi. Bác sĩ gửi bệnh: nối mã ở trang Mã bác sĩ, không dùng ô này."),
    ),
)


@requires(Function.MANAGE_ACCOUNTS)
@require_http_methods(["GET", "POST"])
def limits(request: UserRequest, user_id: int) -> HttpResponse:
    """The limits of one account, a value a line; and what was granted besides."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise Http404
    wrong = ""
    if request.method == "POST":
        said = {name: request.POST.get(name, "").splitlines() for name in services.LIMITS}
        try:
            services.limit_sight(user_id, said, actor_of(request))
        except InvalidValue as error:
            wrong = error.field
        else:
            messages.success(request, _("Đã lưu phạm vi của %(name)s. Có hiệu lực ngay.") % {"name": user.full_name})
            return HttpResponseRedirect(resolve_url("sight:limits", user_id))
    limit = SightLimit.objects.filter(user=user).first()
    grants = SightGrant.objects.filter(user=user).select_related("procedure__request", "given_by").order_by("-given_at")
    context = {
        "account": user,
        "fields": [
            (name, label, hint, request.POST.get(name) or "\n".join(getattr(limit, name, ())))
            for name, label, hint in FIELDS
        ],
        "limited": limit is not None or sees_own_only(user.role),
        "wrong": wrong,
        "grants": grants[:50],
        "now": timezone.now(),
    }
    return render(request, "sight/limits.html", context, status=422 if wrong else 200)


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def grant(request: UserRequest, user_id: int) -> HttpResponse:
    """An order's exams besides, or those of one service, until a day."""
    told = {
        "accession_number": _("Không có ca nào có số phiếu và mã dịch vụ này."),
        "until": _("Hãy ghi ngày hết hạn trong vòng một năm."),
        "reason": _("Hãy ghi lý do, từ 10 chữ trở lên."),
    }
    try:
        day = datetime.strptime(request.POST.get("until", ""), "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        messages.error(request, told["until"])
        return HttpResponseRedirect(resolve_url("sight:limits", user_id))
    until = datetime.combine(day, time.max, ZoneInfo(settings.QUANG.site.time_zone))
    number, reason = request.POST.get("accession_number", ""), request.POST.get("reason", "")
    try:
        granted = services.grant_order(
            user_id, number, until, reason, actor_of(request), service_code=request.POST.get("service_code", "")
        )
    except InvalidValue as error:
        messages.error(request, told.get(error.field, error.detail))
    else:
        messages.success(request, _("Đã cho xem thêm %(count)d ca của phiếu này.") % {"count": len(granted)})
    return HttpResponseRedirect(resolve_url("sight:limits", user_id))


@requires(Function.MANAGE_ACCOUNTS)
@require_POST
def end(request: UserRequest, grant_id: int) -> HttpResponse:
    """The grant is over."""
    ended = services.end_grant(grant_id, actor_of(request))
    messages.success(request, _("Đã chấm dứt quyền xem thêm."))
    return HttpResponseRedirect(resolve_url("sight:limits", ended.user_id))


@requires(Function.MANAGE_PATIENTS)
@require_POST
def confidential(request: UserRequest, patient_id: int) -> HttpResponse:
    """Mark a patient as confidential, or no longer."""
    wanted = request.POST.get("confidential") == "1"
    services.set_confidential(patient_id, wanted, actor_of(request))
    messages.success(request, _("Đã đánh dấu cần bảo mật.") if wanted else _("Đã bỏ dấu cần bảo mật."))
    return HttpResponseRedirect(resolve_url("patients:patient", patient_id))
