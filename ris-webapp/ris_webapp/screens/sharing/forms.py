"""The forms of a share; what may be in them is decided by :mod:`ris_core.sharing.rules`."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ris_core.audit.services import Actor
from ris_core.errors import QuangError
from ris_core.sharing.models import Lock
from ris_core.sharing.rules import MOST_EXAMS, SHORTEST_PASSWORD, Terms
from ris_core.sharing.services import Limits, extend_share, limit_share
from ris_webapp.words import Text

WHAT_TO_DO: dict[str, Text] = {
    "receiver": _("Hãy ghi chia sẻ cho ai."),
    "exams": _("Hãy chọn từ 1 đến %(most)s ca.") % {"most": MOST_EXAMS},
    "expires_at": _("Ngày hết hạn phải ở sau lúc này và trong thời hạn cho phép."),
    "password": _("Mật khẩu cần ít nhất %(shortest)s ký tự.") % {"shortest": SHORTEST_PASSWORD},
    "lock": _("Chọn mật khẩu hoặc mã một lần, không cả hai."),
    "code_to": _("Ghi một địa chỉ e-mail hoặc một số điện thoại."),
    "send_to": _("Ghi một địa chỉ e-mail hoặc một số điện thoại."),
    "views_allowed": _("Số lần mở từ 1 đến 1000, không quá số còn lại."),
    "how_many": _("Chia sẻ này đã được chuyển tiếp quá nhiều lần."),
    "pictures_only": _("Chỉ đưa ảnh dựng sẵn khi có dấu chìm và không cho tải ảnh DICOM."),
    "comment": _("Lời nhắn dài tối đa 2000 ký tự, và không được nêu người bệnh khi chia sẻ ẩn danh."),
}


def refuse(form: forms.Form, error: QuangError) -> None:
    """Say beside the field what to do."""
    field = error.field if error.field in form.fields else None
    form.add_error(field, WHAT_TO_DO.get(error.field, _("Giá trị không hợp lệ")))


class ShareForm(forms.Form):
    """A new share."""

    receiver = forms.CharField(
        max_length=128, label=_("Chia sẻ cho ai"), error_messages={"required": WHAT_TO_DO["receiver"]}
    )
    comment = forms.CharField(required=False, max_length=2000, label=_("Lời nhắn"), widget=forms.Textarea)
    expires_at = forms.DateField(label=_("Mở được đến hết ngày"))
    lock = forms.ChoiceField(choices=[(lock.value, lock.value) for lock in Lock], initial=Lock.NONE)
    password = forms.CharField(required=False, max_length=128, strip=False, label=_("Mật khẩu"))
    code_to = forms.CharField(required=False, max_length=254, label=_("Gửi mã đến"))
    views_allowed = forms.IntegerField(required=False, label=_("Số lần mở"))
    anonymous = forms.BooleanField(required=False, label=_("Ẩn danh"))
    with_report = forms.BooleanField(required=False, label=_("Kèm kết quả đã duyệt"))
    may_download = forms.BooleanField(required=False, label=_("Cho tải ảnh DICOM về"))
    may_pass_on = forms.BooleanField(required=False, label=_("Cho chuyển tiếp và mở trên máy khác"))
    watermark = forms.BooleanField(required=False, label=_("Dấu chìm trên ảnh và kết quả"))
    pictures_only = forms.BooleanField(required=False, label=_("Chỉ ảnh dựng sẵn"))
    send_to = forms.CharField(required=False, max_length=254, label=_("Gửi đường dẫn đến"))

    def terms(self, exam_ids: list[int]) -> Terms | None:
        """What was entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        lock = entered["lock"]
        try:
            return Terms(
                receiver=entered["receiver"],
                exam_ids=tuple(exam_ids),
                expires_at=end_of(entered["expires_at"]),
                comment=entered["comment"],
                password=(entered["password"] or " ") if lock == Lock.PASSWORD else "",
                code_to=(entered["code_to"].strip() or "?") if lock == Lock.CODE else "",
                anonymous=entered["anonymous"],
                with_report=entered["with_report"],
                may_download=entered["may_download"],
                may_pass_on=entered["may_pass_on"],
                views_allowed=entered["views_allowed"],
                watermark=entered["watermark"] or settings.QUANG.sharing.watermark == "always",
                pictures_only=entered["pictures_only"],
            )
        except QuangError as error:
            refuse(self, error)
            return None


class ExtendForm(forms.Form):
    """Another last day."""

    expires_at = forms.DateField()

    def change(self, share_id: int, actor: Actor) -> None:
        extend_share(share_id, end_of(self.cleaned_data["expires_at"]), actor)


class LimitForm(forms.Form):
    """What can be changed of a share that has been given away."""

    comment = forms.CharField(required=False, max_length=2000)
    views_allowed = forms.IntegerField(required=False)
    with_report = forms.BooleanField(required=False)
    may_download = forms.BooleanField(required=False)
    may_pass_on = forms.BooleanField(required=False)
    watermark = forms.BooleanField(required=False)
    pictures_only = forms.BooleanField(required=False)

    def change(self, share_id: int, actor: Actor) -> None:
        limit_share(share_id, Limits(**self.cleaned_data), actor)


def end_of(day: date) -> datetime:
    """The last moment of a day at the site."""
    return datetime.combine(day, time.max, ZoneInfo(settings.QUANG.site.time_zone))
