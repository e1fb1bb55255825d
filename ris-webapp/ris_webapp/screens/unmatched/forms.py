"""The order that is made from a study: prefilled from the images, checked before it is placed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.devices.models import ImagingService
from ris_core.names import display_name
from ris_core.patients.models import Patient
from ris_core.studies.models import Study
from ris_core.studies.received import header_from_json
from ris_core.studies.resolving import OrderFromStudy


class OrderForm(forms.Form):
    """What a person says of an exam that nobody has ordered."""

    patient_number = forms.CharField(label=_("Mã bệnh nhân"), max_length=64)
    full_name = forms.CharField(label=_("Họ tên"), max_length=128)
    birth_date = forms.CharField(
        label=_("Ngày sinh"), max_length=10, required=False, help_text=_("21/11/1980, hoặc chỉ năm 1980")
    )
    sex = forms.ChoiceField(
        label=_("Giới tính"), required=False, choices=(("", ""), ("M", _("Nam")), ("F", _("Nữ")), ("O", _("Khác")))
    )
    service_code = forms.CharField(label=_("Mã dịch vụ"), max_length=64)
    service_name = forms.CharField(label=_("Tên dịch vụ"), max_length=255, required=False)
    clinical_indication = forms.CharField(label=_("Lý do chụp"), max_length=1000, required=False)

    def clean_birth_date(self) -> str:
        """A date as people type it, as ``YYYYMMDD`` or ``YYYY``."""
        digits = "".join(c for c in self.cleaned_data["birth_date"] if c.isdigit())
        if digits and len(digits) not in (4, 8):
            raise forms.ValidationError(_("Ghi ngày/tháng/năm, hoặc chỉ năm sinh."))
        return digits[4:] + digits[2:4] + digits[:2] if len(digits) == 8 else digits

    def order_for(self, study: Study) -> OrderFromStudy:
        """:raises KeyError: when the form has not been found valid"""
        said: dict[str, Any] = self.cleaned_data
        return OrderFromStudy(**said, modality=main_modality(study))


def prefilled(study: Study) -> OrderForm:
    """With what the device wrote; a patient who alone is known by the number is shown as we know them."""
    header = header_from_json(study.as_received)
    number = header.text("00100020")
    holders = list(Patient.objects.filter(identifiers__value=number, merged_into__isnull=True).distinct()[:2])
    known = holders[0] if number and len(holders) == 1 else None
    date = known.birth_date if known else header.text("00100030")
    return OrderForm(
        initial={
            "patient_number": number,
            "full_name": known.full_name if known else display_name(header.text("00100010")),
            "birth_date": f"{date[6:]}/{date[4:6]}/{date[:4]}" if len(date) == 8 else date[:4],
            "sex": known.sex if known else header.text("00100040"),
            "service_name": "" if services_for(study) else study.study_description,
        }
    )


def services_for(study: Study) -> list[ImagingService]:
    """The catalogue's services for the study's kind of device."""
    services = ImagingService.objects.filter(modality__in=study.modalities.split(), active=True)
    return list(services.order_by("name")[:300])


def main_modality(study: Study) -> str:
    """The first that is an image; reports and presentations of an exam come with it."""
    modalities = study.modalities.split()
    images = [modality for modality in modalities if modality not in ("SR", "PR", "KO", "DOC", "OT")]
    return (images or modalities or ["OT"])[0]
