"""The form of a receiver that is told by HL7, DICOM or e-mail; what may be in it is decided by
:class:`ris_core.notifications.receivers.ReceiverRegistration`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.delivery.models import Receiver
from ris_core.devices.models import Device
from ris_core.errors import QuangError
from ris_core.notifications.hl7_status import MESSAGE_TYPES
from ris_core.notifications.models import NotificationReceiver
from ris_core.notifications.receivers import ReceiverRegistration
from ris_core.notifications.rules import Transport
from ris_webapp.screens.receivers.subscribing import SubscriptionForm
from ris_webapp.words import WORDS


class ReceiverForm(SubscriptionForm):
    """Everything known of a receiver."""

    WHAT_TO_DO = {
        **SubscriptionForm.WHAT_TO_DO,
        "events": _("Hãy chọn ít nhất một sự kiện, và chỉ những sự kiện mà cách báo này gửi được."),
        "address": _("Chọn HIS cho HL7, máy đã đăng ký cho DICOM."),
        "email": _("Ghi một địa chỉ như khoa.cdha@example.org."),
    }

    transport = forms.ChoiceField(
        choices=[(way.value, WORDS["transport"][way.value]) for way in Transport if way is not Transport.WEBHOOK],
        label=_("Cách báo"),
    )
    address = forms.ChoiceField(required=False, label=_("Nơi nhận"))
    email = forms.CharField(max_length=254, required=False, label=_("Địa chỉ e-mail"))
    hl7_message = forms.ChoiceField(
        choices=[(name, kind) for name, (kind, _structure) in MESSAGE_TYPES.items()], label=_("Bản tin HL7")
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        systems = [(row.code, f"{row.name} ({row.code})") for row in Receiver.objects.order_by("name")]
        devices = Device.objects.filter(active=True).order_by("ae_title")
        field = self.fields["address"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - as declared
        field.choices = [
            ("", ""), (_("HIS (HL7)"), systems),
            (_("Máy (DICOM)"), [(row.ae_title, f"{row.ae_title} · {row.name}") for row in devices]),
        ]  # fmt: skip

    @classmethod
    def of(cls, receiver: NotificationReceiver) -> ReceiverForm:
        """The form filled with a receiver."""
        address = receiver.device.ae_title if receiver.device else receiver.system.code if receiver.system else ""
        told = {
            "transport": receiver.transport, "address": address, "email": receiver.email,
            "hl7_message": receiver.hl7_message,
        }  # fmt: skip
        return cls(initial={**cls.values_of(receiver), **told})

    def registration(self) -> ReceiverRegistration | None:
        """The receiver as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        transport = Transport(entered["transport"])
        try:
            return ReceiverRegistration(
                **self.subscription(),
                transport=transport,
                address=entered["email" if transport is Transport.EMAIL else "address"].strip(),
                hl7_message=entered["hl7_message"],
            )
        except QuangError as error:
            self.refuse(error)
            return None
