"""Break the glass: open a patient whom one does not see, with a reason; and who has done so (P3, P17)."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue
from ris_core.sight import services
from ris_core.sight.models import SightGrant
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

MOST_SHOWN = 200


@requires(Function.BREAK_GLASS)
@require_http_methods(["GET", "POST"])
def emergency(request: UserRequest) -> HttpResponse:
    """A whole number and a reason open the patient for a while."""
    number, reason, wrong = request.POST.get("number", ""), request.POST.get("reason", ""), {}
    if request.method == "POST":
        try:
            services.open_in_emergency(number, reason, actor_of(request))
        except InvalidValue as error:
            told = {
                "number": _("Không người bệnh nào có số này. Hãy ghi đúng cả số phiếu hoặc mã người bệnh."),
                "reason": _("Hãy ghi lý do, từ 10 chữ trở lên; kiểm soát viên sẽ đọc."),
            }
            wrong = {error.field: told.get(error.field, error.detail)}
        else:
            messages.warning(request, _("Đã mở khẩn cấp. Việc này được ghi lại cùng lý do."))
            return HttpResponseRedirect(f"{reverse('worklist:worklist')}?when=all&q={number.strip()}")
    context = {"number": number, "reason": reason, "wrong": wrong, "minutes": settings.QUANG.access.emergency_minutes}
    return render(request, "sight/emergency.html", context, status=422 if wrong else 200)


@requires(Function.VIEW_AUDIT)
@require_GET
def opened(request: UserRequest) -> HttpResponse:
    """Who has opened whom in an emergency, the newest first; without names of patients."""
    rows = SightGrant.objects.filter(patient__isnull=False).select_related("user").order_by("-given_at", "-pk")
    return render(request, "sight/opened.html", {"rows": rows[:MOST_SHOWN], "now": timezone.now()})
