"""The form of a webhook; what may be in it is decided by :class:`ris_core.webhooks.services.WebhookRegistration`."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.errors import QuangError
from ris_core.notifications.models import NotificationReceiver
from ris_core.webhooks.services import WebhookRegistration
from ris_webapp.screens.receivers.subscribing import SubscriptionForm


class WebhookForm(SubscriptionForm):
    """Everything known of a webhook."""

    WHAT_TO_DO = {
        **SubscriptionForm.WHAT_TO_DO,
        "url": _("Địa chỉ https của phần mềm nhận; http và máy này chỉ khi đã ghi trong cấu hình."),
    }

    url = forms.CharField(max_length=500, label=_("Địa chỉ"))
    with_names = forms.BooleanField(required=False, label=_("Gửi cả họ tên người bệnh"))

    @classmethod
    def of(cls, receiver: NotificationReceiver) -> WebhookForm:
        """The form filled with a webhook."""
        told = {"url": receiver.webhook.url, "with_names": receiver.webhook.with_names} if receiver.webhook else {}
        return cls(initial={**cls.values_of(receiver), **told})

    def registration(self) -> WebhookRegistration | None:
        """The webhook as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        try:
            return WebhookRegistration(
                **self.subscription(), url=entered["url"].strip(), with_names=entered["with_names"]
            )
        except QuangError as error:
            self.refuse(error)
            return None
