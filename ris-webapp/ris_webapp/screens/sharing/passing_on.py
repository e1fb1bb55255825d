"""A receiver makes a further link of what was shared with them, where they may."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ris_core.print_layouts.codes import qr_code
from ris_core.sharing.errors import ShareInvalid, ShareRefused
from ris_core.sharing.passing_on import pass_on, room_in
from ris_core.sharing.rules import Further, Room
from ris_core.sharing.telling import link_of
from ris_webapp.client import client_address
from ris_webapp.permission import public
from ris_webapp.screens.sharing.forms import end_of, refuse
from ris_webapp.screens.sharing.receiving import opening_of
from ris_webapp.screens.viewer_launch.pages import outsider_headers
from ris_webapp.screens.viewer_launch.pages import refuse as refusal


class FurtherForm(forms.Form):
    """For whom, and under which terms; none wider than those of whoever passes it on."""

    receiver = forms.CharField(max_length=128, label=_("Chuyển tiếp cho ai"))
    comment = forms.CharField(required=False, max_length=2000, label=_("Lời nhắn"), widget=forms.Textarea)
    expires_at = forms.DateField(label=_("Mở được đến hết ngày"))
    views_allowed = forms.IntegerField(required=False, label=_("Số lần mở"))
    password = forms.CharField(required=False, max_length=128, strip=False, label=_("Mật khẩu"))
    may_download = forms.BooleanField(required=False, label=_("Cho tải ảnh DICOM về"))
    may_pass_on = forms.BooleanField(required=False, label=_("Cho chuyển tiếp nữa"))

    def wanted(self, room: Room) -> Further:
        """What was entered; the last day ends no later than the share that is passed on."""
        last = end_of(self.cleaned_data["expires_at"])
        if timezone.localdate(last) == timezone.localdate(room.until):
            last = min(last, room.until)
        return Further(**{**self.cleaned_data, "expires_at": last})


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def further(request: HttpRequest, handle: str) -> HttpResponse:
    """The form; once it is right, the link, this once."""
    try:
        opening = opening_of(request, handle)
        room = room_in(opening.share)
        if room is None:
            raise ShareRefused("it may not be passed on")
        form = FurtherForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                share, secret = pass_on(opening, form.wanted(room), client_address(request))
            except ShareInvalid as error:
                refuse(form, error)
            else:
                link = link_of(secret)
                drawn = mark_safe(qr_code(link, border=2))  # noqa: S308 - ours
                return _page(request, "passed_on", {"share": share, "link": link, "drawn": drawn, "handle": handle})
    except ShareRefused as error:
        return refusal(request, error.code)
    context = {"form": form, "room": room, "handle": handle, "last_day": timezone.localdate(room.until).isoformat()}
    return _page(request, "pass_on", context, status=422 if form.errors else 200)


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = outsider_headers(render(request, f"sharing/{template}.html", context, status=status))
    response["Referrer-Policy"] = "same-origin"  # without any, browsers say "Origin: null" of its form
    return response
