"""How the site signs: level, time stamps, trusted authorities."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue
from ris_core.signatures.errors import PolicyIncomplete
from ris_core.signatures.models import TrustedCertificate
from ris_core.signatures.policy import change_policy, distrust_certificate, present_policy, trust_certificate
from ris_core.signatures.rules import Level
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires

_MOST_CERTIFICATE_BYTES = 64 * 1024


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def policy(request: UserRequest) -> HttpResponse:
    """The policy and the trusted authorities; saving an impossible one says why beside the field."""
    present = present_policy()
    entered = {"level": present.level, "tsa_url": present.tsa_url, "visible": present.visible}
    problems = {"level": "", "tsa_url": ""}
    if request.method == "POST":
        level = request.POST.get("level", "")
        entered = {"level": level, "tsa_url": request.POST.get("tsa_url", ""), "visible": "visible" in request.POST}
        try:
            chosen = Level(level) if level in set(Level) else Level.B_B
            change_policy(chosen, str(entered["tsa_url"]), bool(entered["visible"]), actor_of(request))
        except InvalidValue:
            problems["tsa_url"] = _("Ghi địa chỉ dạng http://máy-chủ/đường-dẫn.")
        except PolicyIncomplete as error:
            problems[error.field] = (
                _("Mức này cần địa chỉ máy chủ dấu thời gian.")
                if error.field == "tsa_url"
                else _("Mức này cần ít nhất một nơi cấp tin cậy: hãy thêm ở dưới trước.")
            )
        else:
            messages.success(request, _("Đã lưu cách ký; áp dụng từ chữ ký tiếp theo."))
            return HttpResponseRedirect(reverse("signing_policy:policy"))
    context = {
        "entered": entered,
        "problems": problems,
        "levels": list(Level),
        "authorities": TrustedCertificate.objects.defer("der").order_by("subject"),
        "now": timezone.now(),
    }
    return render(request, "signing_policy/policy.html", context, status=422 if any(problems.values()) else 200)


@requires(Function.ADMINISTER)
@require_POST
def add_authority(request: UserRequest) -> HttpResponse:
    """Trust the authority whose certificate was chosen."""
    file = request.FILES.get("certificate")
    try:
        trust_certificate(file.read(_MOST_CERTIFICATE_BYTES + 1) if file else b"", actor_of(request))
        messages.success(request, _("Đã thêm nơi cấp tin cậy."))
    except InvalidValue:
        messages.error(request, _("Hãy chọn tệp chứng thư của nơi cấp (CA), dạng PEM hoặc DER."))
    return HttpResponseRedirect(reverse("signing_policy:policy"))


@requires(Function.ADMINISTER)
@require_POST
def remove_authority(request: UserRequest, certificate_id: int) -> HttpResponse:
    """Trust an authority no more."""
    distrust_certificate(certificate_id, actor_of(request))
    messages.success(request, _("Đã bỏ nơi cấp; chữ ký cũ của họ sẽ hiện là không rõ nơi cấp."))
    return HttpResponseRedirect(reverse("signing_policy:policy"))
