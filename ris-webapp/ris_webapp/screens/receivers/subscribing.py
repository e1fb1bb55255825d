"""What the forms of all receivers of notifications have in common: who it is, and what it wants to know."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.errors import QuangError
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.rules import Event
from ris_webapp.words import WORDS, Text


class SubscriptionForm(forms.Form):
    """Errors name the field and say what to do."""

    WHAT_TO_DO: ClassVar[dict[str, Text]] = {
        "code": _("Mã gồm chữ không dấu, số, chấm, gạch; không trùng với nơi nhận khác."),
        "name": _("Hãy đặt tên cho nơi nhận."),
        "events": _("Hãy chọn ít nhất một sự kiện."),
    }

    code = forms.CharField(max_length=64, label=_("Mã"))
    name = forms.CharField(max_length=255, label=_("Tên"))
    source = forms.CharField(max_length=128, required=False, label=_("Chỉ phiếu của nơi gửi"))
    modality = forms.CharField(max_length=16, required=False, label=_("Chỉ loại máy"))
    events = forms.MultipleChoiceField(
        choices=[(event.value, WORDS["notification_event"][event.value]) for event in Event], label=_("Báo khi")
    )
    active = forms.BooleanField(required=False, initial=True, label=_("Đang dùng"))

    @staticmethod
    def values_of(receiver: NotificationReceiver) -> dict[str, Any]:
        """The fields filled with what a receiver has; its rules have one filter."""
        rules = list(receiver.rules.all())
        return {
            "code": receiver.code,
            "name": receiver.name,
            "active": receiver.active,
            "events": [rule.event for rule in rules],
            "source": rules[0].source if rules else "",
            "modality": rules[0].modality if rules else "",
        }

    def subscription(self) -> dict[str, Any]:
        """What was entered, for :class:`ris_core.notifications.subscriptions.Subscription`."""
        entered = self.cleaned_data
        return {
            "code": entered["code"],
            "name": entered["name"],
            "events": frozenset(entered["events"]),
            "source": entered["source"].strip(),
            "modality": entered["modality"].strip().upper(),
            "active": entered["active"],
        }

    def refuse(self, error: QuangError) -> None:
        """Show what the domain found wrong beside the field it is about."""
        known = error.field in self.fields
        self.add_error(error.field if known else None, self.WHAT_TO_DO.get(error.field, error.detail))
