"""Forms of accounts; what an account may be is decided by :mod:`ris_core.accounts.services`."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ris_core.accounts.models import User
from ris_core.accounts.roles import roles_in_force
from ris_core.accounts.services import PASSWORD_DAYS, Account
from ris_core.errors import InvalidValue
from ris_webapp.role_words import role_choices

WHAT_TO_DO = {
    "username": _("Từ 3 đến 64 chữ cái không dấu, chữ số hoặc dấu gạch dưới, và chưa ai dùng."),
    "full_name": _("Hãy ghi họ tên."),
    "email": _("Địa chỉ thư chưa đúng."),
    "role": _("Hãy chọn vai trò."),
    "expires_on": _("Hãy ghi ngày như 31/12/2026."),
    "staff_code": _("Nhiều nhất 64 chữ."),
    "present": _("Mật khẩu hiện tại không đúng."),
}


class AccountForm(forms.Form):
    """What an administrator says of an account. Errors name the field and say what to do."""

    username = forms.CharField(max_length=64, label=_("Tên đăng nhập"))
    full_name = forms.CharField(max_length=255, label=_("Họ tên"))
    title = forms.CharField(max_length=64, required=False, label=_("Học hàm, học vị"))
    department = forms.CharField(max_length=128, required=False, label=_("Khoa, phòng"))
    email = forms.CharField(max_length=254, required=False, label=_("Thư điện tử"))
    staff_code = forms.CharField(max_length=64, required=False, label=_("Mã nhân viên"))
    role = forms.ChoiceField(choices=role_choices, label=_("Vai trò"))
    expires_on = forms.DateField(required=False, label=_("Hết hạn sau ngày"))
    password_days = forms.TypedChoiceField(
        choices=[("", _("Theo quy định chung")), *((str(days), str(days)) for days in PASSWORD_DAYS)],
        coerce=int,
        empty_value=None,
        required=False,
        label=_("Đổi mật khẩu sau (ngày)"),
    )

    @staticmethod
    def entered_of(user: User) -> dict[str, Any]:
        """What the form shows of an account."""
        zone = ZoneInfo(settings.QUANG.site.time_zone)
        return {
            "username": user.username,
            "full_name": user.full_name,
            "title": user.title,
            "department": user.department,
            "email": user.email,
            "staff_code": user.staff_code,
            "role": user.role,
            "expires_on": user.expires_at.astimezone(zone).date().isoformat() if user.expires_at else "",
            "password_days": user.password_days or "",
        }

    def account(self) -> Account | None:
        """The account as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = dict(self.cleaned_data)
        last_day = entered.pop("expires_on")
        zone = ZoneInfo(settings.QUANG.site.time_zone)
        expires_at = datetime.combine(last_day, time.max, zone) if last_day else None
        return Account(**entered, expires_at=expires_at)

    def refuse(self, error: InvalidValue) -> None:
        """Say beside the field what the domain refuses."""
        field = "expires_on" if error.field == "expires_at" else error.field
        self.add_error(field if field in self.fields else None, WHAT_TO_DO.get(field) or error.detail)


class PasswordForm(forms.Form):
    """The present password, and the wanted one twice."""

    present = forms.CharField(max_length=256, strip=False, label=_("Mật khẩu hiện tại"))
    wanted = forms.CharField(max_length=256, strip=False, label=_("Mật khẩu mới"))
    again = forms.CharField(max_length=256, strip=False, label=_("Nhắc lại mật khẩu mới"))

    def clean(self) -> dict[str, Any]:
        entered = super().clean() or {}
        if entered.get("again") and entered.get("wanted") != entered["again"]:
            self.add_error("again", _("Hai lần gõ không giống nhau."))
        return entered

    def refuse(self, error: InvalidValue) -> None:
        """Say beside the field what the domain refuses; what a password lacks it says in the user's language."""
        self.add_error(error.field, WHAT_TO_DO.get(error.field) or error.detail)


class UserFilter(forms.Form):
    """What the list of accounts is narrowed to."""

    q = forms.CharField(max_length=128, required=False)
    role = forms.ChoiceField(choices=lambda: [("", ""), *((code, code) for code in roles_in_force())], required=False)
    state = forms.ChoiceField(
        choices=[(state, state) for state in ("", "open", "expired", "withdrawn")], required=False
    )
