"""The form of a new API key; what may be in it is decided by :class:`ris_core.access.api_keys.ApiKeyRequest`."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ris_core.access.api_keys import ApiKeyRequest
from ris_core.access.scopes import Scope
from ris_core.errors import InvalidValue
from ris_webapp.words import WORDS

_WHAT_TO_DO = {
    "name": _("Hãy đặt tên cho khoá."),
    "sender": _("Ghi ứng dụng|cơ sở như trong MSH-3 và MSH-4, ví dụ HIS|BVQ."),
    "scopes": _("Hãy chọn ít nhất một quyền."),
    "networks": _("Mỗi dòng một địa chỉ hoặc một mạng, ví dụ 10.1.0.0/16."),
    "expires_at": _("Ngày hết hạn phải ở sau hôm nay."),
}


LIMITED = ("departments", "modalities", "rooms")
_TOO_LONG = _("Nhiều nhất 200 dòng, mỗi dòng 255 chữ.")
_WHAT_TO_DO |= dict.fromkeys(LIMITED, _TOO_LONG)
_ONLY_READS = _("Khoá có giới hạn chỉ đọc được chỉ định, người bệnh, kết quả và thiết bị; bỏ các quyền khác.")


class ApiKeyForm(forms.Form):
    """What the key shall be. Errors name the field and say what to do."""

    name = forms.CharField(max_length=128, label=_("Tên"))
    sender = forms.CharField(max_length=128, label=_("Thay mặt nơi gửi"))
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, WORDS["scope"][scope.value]) for scope in Scope], label=_("Quyền")
    )
    sees_all_senders = forms.BooleanField(required=False, label=_("Đọc cả chỉ định của nơi khác"))
    departments = forms.CharField(required=False, max_length=60_000, label=_("Chỉ các khoa chỉ định"))
    modalities = forms.CharField(required=False, max_length=2000, label=_("Chỉ các loại máy"))
    rooms = forms.CharField(required=False, max_length=60_000, label=_("Chỉ các phòng"))
    networks = forms.CharField(required=False, max_length=2000, label=_("Chỉ dùng từ các mạng"))
    expires_at = forms.DateField(required=False, label=_("Hết hạn sau ngày"))

    def api_key_request(self) -> ApiKeyRequest | None:
        """The key as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        last_day = entered["expires_at"]
        try:
            return ApiKeyRequest(
                name=entered["name"],
                sender=entered["sender"],
                scopes=frozenset(Scope(scope) for scope in entered["scopes"]),
                networks=tuple(entered["networks"].replace(",", " ").split()),
                sees_all_senders=entered["sees_all_senders"],
                expires_at=_end_of(last_day) if last_day else None,
                limits={name: entered[name].splitlines() for name in LIMITED},
            )
        except InvalidValue as error:
            limited = error.field == "scopes" and any(entered[name].strip() for name in LIMITED)
            self.add_error(error.field, _ONLY_READS if limited and entered["scopes"] else _WHAT_TO_DO[error.field])
            return None


def _end_of(day: datetime) -> datetime:
    return datetime.combine(day, time.max, ZoneInfo(settings.QUANG.site.time_zone))
