"""The form of a device; what may be in it is decided by :class:`ris_core.devices.services.DeviceRegistration`."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.devices.character_sets import CODECS, UNICODE
from ris_core.devices.quirks import Quirks, WorklistFilter, read
from ris_core.devices.services import DeviceRegistration
from ris_core.errors import InvalidValue
from ris_webapp.screens.devices.words import KEYS, STATIONS, STATUSES
from ris_webapp.words import Text

_WHAT_TO_DO: dict[str, Text] = {
    "ae_title": _("AE title: 1 đến 16 ký tự không dấu, không trùng với máy khác."),
    "name": _("Hãy đặt tên cho máy."),
    "host": _("Địa chỉ IP hoặc tên máy, không có dấu cách."),
    "networks": _("Địa chỉ hoặc dải mạng cách nhau bằng dấu phẩy: 10.0.0.5, 10.0.4.0/24."),
    "certificate": _("Nhiều nhất 255 ký tự: CN=…, hoặc dấu vân tay SHA-256."),
    "port": _("Cổng là số từ 1 đến 65535."),
    "modality": _("Mã DICOM viết hoa như CT, MR, US, DX."),
    "other_modalities": _("Các mã DICOM viết hoa cách nhau bằng dấu cách: XA RF."),
    "groups": _("Mỗi tên nhóm 1 đến 64 ký tự, cách nhau bằng dấu phẩy."),
    "rooms": _("Tên phòng như trong ca chụp, cách nhau bằng dấu phẩy."),
    "departments": _("Tên khoa như HIS gửi, cách nhau bằng dấu phẩy."),
    "days_before": _("Số ngày từ 0 đến 366, hoặc để trống."),
    "days_after": _("Số ngày từ 0 đến 366, hoặc để trống."),
    "limit": _("Số ca từ 1 đến 10000, hoặc để trống."),
    "max_name_length": _("Số ký tự từ 1 đến 64, hoặc để trống."),
    "returned_lengths": _("Viết như PatientName=16, AccessionNumber=12; chỉ các trường nhận dạng của ảnh."),
}
_FILTER = ("stations", "by_modality", "rooms", "departments", "statuses", "days_before", "days_after", "limit")
_QUIRKS = ("wants_ascii", "max_name_length", "ignored_query_keys", "names_match_from_start", "returned_lengths")
_LISTS = ("groups", "rooms", "departments")


class DeviceForm(forms.Form):
    """Everything known of a device. Errors name the field and say what to do."""

    ae_title = forms.CharField(max_length=16, label=_("AE title"))
    name = forms.CharField(max_length=128, label=_("Tên máy"))
    modality = forms.CharField(max_length=16, required=False, label=_("Loại máy"))
    other_modalities = forms.CharField(max_length=128, required=False, label=_("Loại khác"))
    host = forms.CharField(max_length=255, initial="127.0.0.1", label=_("Địa chỉ"))
    networks = forms.CharField(max_length=255, required=False, label=_("Gọi đến từ"))
    port = forms.IntegerField(initial=104, label=_("Cổng"))
    room = forms.CharField(max_length=64, required=False, label=_("Phòng"))
    department = forms.CharField(max_length=64, required=False, label=_("Khoa"))
    groups = forms.CharField(max_length=512, required=False, label=_("Nhóm"))
    character_set = forms.ChoiceField(
        required=False, choices=[(name, name) for name in CODECS], initial=UNICODE, label=_("Bảng mã")
    )
    may_store = forms.BooleanField(required=False, initial=True, label=_("Được gửi ảnh"))
    may_query_worklist = forms.BooleanField(required=False, initial=True, label=_("Được lấy danh sách chụp"))
    may_query = forms.BooleanField(required=False, label=_("Được tìm lần chụp"))
    may_retrieve = forms.BooleanField(required=False, label=_("Được lấy ảnh"))
    may_commit = forms.BooleanField(required=False, initial=True, label=_("Được hỏi ảnh đã lưu chưa"))
    may_call_plain = forms.BooleanField(required=False, initial=True, label=_("Được gọi không mã hoá"))
    certificate = forms.CharField(max_length=255, required=False, label=_("Tên chứng thư"))
    active = forms.BooleanField(required=False, initial=True, label=_("Đang dùng"))

    stations = forms.ChoiceField(
        choices=STATIONS.items(), initial="own", required=False, label=_("Thấy ca của máy nào")
    )
    by_modality = forms.BooleanField(required=False, initial=True, label=_("Chỉ ca đúng loại máy"))
    rooms = forms.CharField(max_length=1024, required=False, label=_("Chỉ các phòng"))
    departments = forms.CharField(max_length=2048, required=False, label=_("Chỉ các khoa chỉ định"))
    statuses = forms.MultipleChoiceField(choices=STATUSES.items(), required=False, label=_("Chỉ ca ở trạng thái"))
    days_before = forms.IntegerField(required=False, label=_("Từ mấy ngày trước"))
    days_after = forms.IntegerField(required=False, label=_("Đến mấy ngày sau"))
    limit = forms.IntegerField(required=False, label=_("Nhiều nhất bao nhiêu ca"))

    wants_ascii = forms.BooleanField(required=False, label=_("Gửi chữ không dấu"))
    max_name_length = forms.IntegerField(required=False, label=_("Tên dài nhất"))
    ignored_query_keys = forms.MultipleChoiceField(
        choices=KEYS.items(), required=False, label=_("Bỏ qua khi máy tìm theo")
    )
    names_match_from_start = forms.BooleanField(required=False, label=_("Máy tìm theo đầu tên, không gửi dấu *"))
    returned_lengths = forms.CharField(max_length=256, required=False, label=_("Trường máy trả về bị cắt"))

    @classmethod
    def of(cls, known: DeviceRegistration) -> DeviceForm:
        """The form filled with a device."""
        initial: dict[str, Any] = {name: getattr(known, name) for name in known.__slots__ if name in cls.base_fields}
        initial |= {name: getattr(known.worklist_filter, name) for name in _FILTER}
        initial |= {name: getattr(known.quirks, name) for name in _QUIRKS}
        initial |= {name: ", ".join(initial[name]) for name in _LISTS}
        initial["other_modalities"] = " ".join(known.other_modalities)
        lengths = known.quirks.returned_lengths
        initial["returned_lengths"] = ", ".join(f"{name}={length}" for name, length in lengths.items())
        return cls(initial=initial)

    def registration(self) -> DeviceRegistration | None:
        """The device as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        values: dict[str, Any] = dict(self.cleaned_data)
        for name in _LISTS:
            values[name] = [part.strip() for part in values[name].split(",") if part.strip()]
        try:
            values["returned_lengths"] = _lengths(values["returned_lengths"])
            quirks = read(Quirks, _said(values, _QUIRKS), "quirks")
            worklist_filter = read(WorklistFilter, _said(values, _FILTER), "worklist_filter")
            plain = {name: values[name] for name in values.keys() - {*_QUIRKS, *_FILTER}}
            plain |= {
                "character_set": values["character_set"] or UNICODE,
                "modality": values["modality"].upper(),
                "other_modalities": tuple(values["other_modalities"].upper().split()),
                "groups": tuple(dict.fromkeys(values["groups"])),
            }
            return DeviceRegistration(**plain, quirks=quirks, worklist_filter=worklist_filter)
        except InvalidValue as error:
            self.refuse(error)
            return None

    def refuse(self, error: InvalidValue) -> None:
        """Show what the domain found wrong beside the field it is about."""
        field = {"AETitle": "ae_title"}.get(error.field, error.field)
        if field in ("quirks", "worklist_filter"):  # the message ends with where: "... - at `$.max_name_length`"
            place = re.search(r"`\$\.(\w+)", error.detail)
            field = place.group(1) if place else field
        self.add_error(field if field in self.fields else None, _WHAT_TO_DO.get(field, error.detail))


def _said(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Those of ``values`` that were filled in."""
    return {name: values[name] for name in names if values[name] is not None and values[name] != ""}


def _lengths(text: str) -> dict[str, int]:
    """``PatientName=16, StudyID=8`` as lengths by keyword."""
    lengths = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _equals, length = (piece.strip() for piece in part.partition("="))
        if not length.isdecimal() or len(length) > 3:
            raise InvalidValue("a length is a number", field="returned_lengths")
        lengths[name] = int(length)
    return lengths
