"""The form of a sender; what may be in it is decided by :mod:`ris_core.intake.profiles`."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotFound
from ris_core.intake.identifier_meaning import Consequence, MeaningChanges
from ris_core.intake.models import Sender, SenderProfile
from ris_core.intake.profiles import SenderRegistration, change_sender, register_sender
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_number
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.profiles.consequences import consequence_text

_WHAT_TO_DO = {
    "identity": gettext_lazy("Ghi MSH-3|MSH-4 như trong bản tin, ví dụ HIS|BVX; chưa nơi gửi nào dùng."),
    "name": gettext_lazy("Hãy đặt tên cho nơi gửi."),
    "networks": gettext_lazy("Mỗi dòng một địa chỉ hoặc mạng, ví dụ 10.1.2.3 hoặc 10.1.2.0/24."),
    "charset": gettext_lazy("Tên bảng mã như utf-8, cp1258, iso8859_1."),
}


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def register(request: UserRequest) -> HttpResponse:
    """Add a sender; the address may name it already (``?identity=``), as the inbox's link does."""
    return _form(request, None)


@requires(Function.ADMINISTER)
@require_http_methods(["GET", "POST"])
def change(request: UserRequest, sender_id: int) -> HttpResponse:
    """Change a sender; one that is no longer used is switched off, never deleted."""
    sender = Sender.objects.filter(pk=sender_id).first()
    if sender is None:
        raise NotFound("there is no such sender", field="sender")
    return _form(request, sender)


def _form(request: UserRequest, sender: Sender | None) -> HttpResponse:
    values = _values(request, sender)
    errors: dict[str, str] = {}
    consequences: tuple[Consequence, ...] = ()
    if request.method == "POST":
        try:
            registration = SenderRegistration(
                identity=values["identity"],
                name=values["name"],
                active=bool(values["active"]),
                networks=tuple(values["networks"].split()),
                certificate=values["certificate"],
                charset=values["charset"],
                profile_id=whole_number(values["profile"]),
                may_query=bool(values["may_query"]),
            )
            confirmed = request.POST.get("confirmed") == "on"
            if sender:
                change_sender(sender.pk, registration, actor_of(request), confirmed=confirmed)
            else:
                register_sender(registration, actor_of(request), confirmed=confirmed)
        except MeaningChanges as question:
            consequences = question.consequences
        except InvalidValue as error:
            errors[error.field] = str(_WHAT_TO_DO.get(error.field, error.detail))
        else:
            messages.success(request, _("Đã lưu nơi gửi %(name)s.") % {"name": registration.name})
            return HttpResponseRedirect(reverse("profiles:overview"))
    context = {
        "sender": sender,
        "values": values,
        "errors": errors,
        "consequences": consequences,
        "consequence_text": consequence_text,
        "profiles": list(SenderProfile.objects.order_by("name")),
    }
    return render(request, "profiles/sender.html", context, status=422 if errors else 409 if consequences else 200)


def _values(request: UserRequest, sender: Sender | None) -> dict[str, str]:
    names = ("identity", "name", "active", "networks", "certificate", "charset", "profile", "may_query")
    if request.method == "POST":
        return {name: request.POST.get(name, "").strip() for name in names}
    if sender is None:
        return {**dict.fromkeys(names, ""), "identity": request.GET.get("identity", "")[:128], "active": "on"}
    return {
        "identity": sender.identity,
        "name": sender.name,
        "active": "on" if sender.active else "",
        "networks": "\n".join(sender.networks),
        "certificate": sender.certificate,
        "charset": sender.charset,
        "profile": str(sender.profile_id or ""),
        "may_query": "on" if sender.may_query else "",
    }
