"""The form of an entry, whatever its kind: one field for each column of its table."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.models import Department, Staff
from ris_core.catalogue.services import Entry
from ris_core.devices.models import Device
from ris_core.errors import InvalidValue
from ris_webapp.words import WORDS

LABELS = {
    "code": _("Mã"),
    "coding_system": _("Bộ mã"),
    "name": _("Tên"),
    "modality": _("Loại máy"),
    "body_part": _("Vùng chụp"),
    "default_device": _("Máy thường dùng"),
    "minimum_minutes": _("Số phút"),
    "usual_films": _("Số phim thường in"),
    "department_code": _("Mã khoa"),
    "kind": _("Chức danh"),
    "title": _("Học vị"),
    "active": _("Đang dùng"),
}
WHAT_TO_DO = {
    "code": _("Ghi mã, tối đa 64 ký tự."),
    "name": _("Ghi tên, tối đa 255 ký tự."),
    "modality": _("Mã DICOM viết hoa như CT, MR, US, DX."),
    "default_device": _("Chọn một máy đã đăng ký."),
    "minimum_minutes": _("Số phút là số nguyên, tối đa 1440."),
    "usual_films": _("Số phim là số nguyên, tối đa 99."),
    "kind": _("Ghi PHYSICIAN, TECHNOLOGIST, NURSE hoặc OTHER."),
    "file": _("Cần tệp CSV UTF-8, dòng đầu là tên cột."),
}


class EntryForm(forms.Form):
    """One entry; what may be in it is decided by :mod:`ris_core.catalogue.services`."""

    code = forms.CharField(max_length=64, label=LABELS["code"])
    coding_system = forms.CharField(max_length=64, required=False, label=LABELS["coding_system"])
    name = forms.CharField(max_length=255, label=LABELS["name"])

    def __init__(self, kind: EntryKind, *args: object, known: bool = False, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.kind = kind
        for name in TABLES[kind].fields:
            self.fields[name] = _field(name)
        self.fields["active"] = forms.BooleanField(required=False, initial=True, label=LABELS["active"])
        for name in ("code", "coding_system") if known else ():
            self.fields[name].disabled = True

    def entry(self) -> Entry:
        """The entry as entered."""
        said = self.cleaned_data
        return Entry(
            kind=self.kind,
            code=said["code"],
            coding_system=said["coding_system"],
            values={name: str(said[name] or "") for name in ("name", *TABLES[self.kind].fields)},
            active=said["active"],
        )

    def refuse(self, error: InvalidValue) -> None:
        """Show what the domain found wrong beside the field it is about."""
        self.add_error(error.field if error.field in self.fields else None, WHAT_TO_DO.get(error.field, error.detail))


def _field(name: str) -> forms.Field:
    required = name == "modality"
    if name == "kind":
        kinds = [(str(kind), WORDS["staff_kind"][kind]) for kind in Staff.Kind]
        return forms.ChoiceField(choices=kinds, label=LABELS[name])
    if name == "default_device":
        devices = Device.objects.filter(active=True).order_by("ae_title")
        choices = [("", "—"), *((device.ae_title, f"{device.ae_title} · {device.name}") for device in devices)]
        return forms.ChoiceField(choices=choices, required=False, label=LABELS[name])
    if name == "department_code":
        departments = Department.objects.filter(active=True).order_by("name")
        choices = [("", "—"), *((each.code, f"{each.name} ({each.code})") for each in departments)]
        return _OpenChoice(choices=choices, required=False, label=LABELS[name])
    return forms.CharField(max_length=255, required=required, label=LABELS[name])


class _OpenChoice(forms.ChoiceField):
    """A choice that also takes a code which is not, or no longer, in the list."""

    def valid_value(self, value: object) -> bool:
        return len(str(value)) <= 64
