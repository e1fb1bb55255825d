"""The form of a webhook; what may be in it is decided by :class:`ris_core.webhooks.services.WebhookRegistration`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.errors import QuangError
from ris_core.notifications.models import NotificationReceiver, NotificationRule
from ris_core.webhooks.services import EVENTS, WebhookRegistration
from ris_webapp.words import WORDS

_WHAT_TO_DO = {
    "code": _("Mã gồm chữ không dấu, số, chấm, gạch; không trùng với nơi nhận khác."),
    "name": _("Hãy đặt tên cho nơi nhận."),
    "url": _("Địa chỉ https của phần mềm nhận; http và máy này chỉ khi đã ghi trong cấu hình."),
    "events": _("Hãy chọn ít nhất một sự kiện."),
}


class WebhookForm(forms.Form):
    """Everything known of a webhook. Errors name the field and say what to do."""

    code = forms.CharField(max_length=64, label=_("Mã"))
    name = forms.CharField(max_length=255, label=_("Tên"))
    url = forms.CharField(max_length=500, label=_("Địa chỉ"))
    source = forms.CharField(max_length=128, required=False, label=_("Chỉ phiếu của nơi gửi"))
    modality = forms.CharField(max_length=16, required=False, label=_("Chỉ loại máy"))
    events = forms.MultipleChoiceField(
        choices=[(event, WORDS["notification_event"][event]) for event in sorted(EVENTS)], label=_("Báo khi")
    )
    with_names = forms.BooleanField(required=False, label=_("Gửi cả họ tên người bệnh"))
    active = forms.BooleanField(required=False, initial=True, label=_("Đang dùng"))

    @classmethod
    def of(cls, receiver: NotificationReceiver) -> WebhookForm:
        """The form filled with a webhook."""
        rules = list(NotificationRule.objects.filter(receiver=receiver))
        initial: dict[str, Any] = {
            "code": receiver.code,
            "name": receiver.name,
            "active": receiver.active,
            "events": [rule.event for rule in rules],
            "source": rules[0].source if rules else "",
            "modality": rules[0].modality if rules else "",
        }
        if receiver.webhook:
            initial |= {"url": receiver.webhook.url, "with_names": receiver.webhook.with_names}
        return cls(initial=initial)

    def registration(self) -> WebhookRegistration | None:
        """The webhook as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        try:
            return WebhookRegistration(
                code=entered["code"],
                name=entered["name"],
                url=entered["url"].strip(),
                events=frozenset(entered["events"]),
                source=entered["source"].strip(),
                modality=entered["modality"].strip().upper(),
                with_names=entered["with_names"],
                active=entered["active"],
            )
        except QuangError as error:
            self.refuse(error)
            return None

    def refuse(self, error: QuangError) -> None:
        """Show what the domain found wrong beside the field it is about."""
        self.add_error(error.field if error.field in self.fields else None, _WHAT_TO_DO.get(error.field, error.detail))
