"""The form in which a person corrects who a patient is."""

from __future__ import annotations

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.errors import InvalidValue
from ris_core.patients.models import Patient
from ris_webapp.jinja import dicom_date

_WHAT_TO_DO = {
    "full_name": _("Ghi họ tên đầy đủ, tối đa 64 ký tự."),
    "birth_date": _("Ghi 21/11/1980, 11/1980 hoặc 1980."),
    "reason": _("Ghi vì sao sửa; lý do nằm trong nhật ký."),
}


def typed_date(text: str) -> str:
    """A date as people type it, as ``YYYY[MM[DD]]``: ``21/11/1980``, ``21111980``, ``11/1980``, ``1980``.

    What is none of these stays as it is, for the domain to refuse.
    """
    parts = re.findall(r"\d+", text)
    if len(parts) == 1 and len(parts[0]) == 8:
        parts = [parts[0][:2], parts[0][2:4], parts[0][4:]]
    if not parts or len(parts) > 3 or len(parts[-1]) != 4:
        return text.strip()
    return "".join([parts[-1], *(part.zfill(2) for part in reversed(parts[:-1]))])


class PatientForm(forms.Form):
    """Name, birth date, sex, how to reach; errors name the field and say what to do."""

    full_name = forms.CharField(max_length=255, label=_("Họ tên"))
    birth_date = forms.CharField(max_length=16, required=False, label=_("Ngày sinh"))
    sex = forms.ChoiceField(
        choices=[("", _("Không rõ")), ("M", _("Nam")), ("F", _("Nữ")), ("O", _("Khác"))],
        required=False,
        label=_("Giới tính"),
    )
    phone = forms.CharField(max_length=64, required=False, label=_("Điện thoại"))
    address = forms.CharField(max_length=255, required=False, label=_("Địa chỉ"))
    reason = forms.CharField(max_length=255, label=_("Lý do sửa"))

    @classmethod
    def of(cls, patient: Patient) -> PatientForm:
        """The form filled with a patient."""
        known = {name: getattr(patient, name) for name in ("full_name", "sex", "phone", "address")}
        return cls(initial={**known, "birth_date": dicom_date(patient.birth_date)})

    def clean_birth_date(self) -> str:
        return typed_date(self.cleaned_data["birth_date"])

    def refuse(self, error: InvalidValue) -> None:
        """Show what the domain found wrong beside the field it is about."""
        field = error.field if error.field in self.fields else None
        self.add_error(field, _WHAT_TO_DO.get(error.field, error.detail))
