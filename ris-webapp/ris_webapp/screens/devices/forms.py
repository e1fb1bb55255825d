"""The form of a device; what may be in it is decided by :class:`ris_core.devices.services.DeviceRegistration`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.devices.models import Device
from ris_core.devices.services import DeviceRegistration
from ris_core.errors import InvalidValue

_WHAT_TO_DO = {
    "ae_title": _("AE title: 1 đến 16 ký tự không dấu, không trùng với máy khác."),
    "name": _("Hãy đặt tên cho máy."),
    "host": _("Địa chỉ IP hoặc tên máy, không có dấu cách."),
    "port": _("Cổng là số từ 1 đến 65535."),
    "modality": _("Mã DICOM viết hoa như CT, MR, US, DX."),
}


class DeviceForm(forms.Form):
    """Everything known of a device. Errors name the field and say what to do."""

    ae_title = forms.CharField(max_length=16, label=_("AE title"))
    name = forms.CharField(max_length=128, label=_("Tên máy"))
    modality = forms.CharField(max_length=16, required=False, label=_("Loại máy"))
    host = forms.CharField(max_length=255, initial="127.0.0.1", label=_("Địa chỉ"))
    port = forms.IntegerField(initial=104, label=_("Cổng"))
    room = forms.CharField(max_length=64, required=False, label=_("Phòng"))
    department = forms.CharField(max_length=64, required=False, label=_("Khoa"))
    may_store = forms.BooleanField(required=False, initial=True, label=_("Được gửi ảnh"))
    may_query_worklist = forms.BooleanField(required=False, initial=True, label=_("Được lấy danh sách chụp"))
    may_query_retrieve = forms.BooleanField(required=False, label=_("Được tìm và lấy ảnh"))
    active = forms.BooleanField(required=False, initial=True, label=_("Đang dùng"))

    @classmethod
    def of(cls, device: Device) -> DeviceForm:
        """The form filled with a device."""
        return cls(initial={name: getattr(device, name) for name in cls.base_fields})

    def registration(self) -> DeviceRegistration | None:
        """The device as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        values: dict[str, Any] = dict(self.cleaned_data)
        values["modality"] = values["modality"].upper()
        try:
            return DeviceRegistration(**values)
        except InvalidValue as error:
            self.refuse(error)
            return None

    def refuse(self, error: InvalidValue) -> None:
        """Show what the domain found wrong beside the field it is about."""
        field = {"AETitle": "ae_title"}.get(error.field, error.field)
        self.add_error(field if field in self.fields else None, _WHAT_TO_DO.get(field, error.detail))
