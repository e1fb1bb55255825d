"""The forms of an order: made at the counter, changed later."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ris_core.devices.models import Device
from ris_core.errors import QuangError
from ris_core.orders.making import Amendment, NewOrder, NewPatient
from ris_core.orders.models import Priority, RequestedProcedure, ScheduledProcedureStep
from ris_core.orders.rules import MOST_WEIGHT_KG, PatientCondition
from ris_webapp.screens.patients.forms import typed_date
from ris_webapp.words import WORDS

PRIORITIES = (Priority.STAT, Priority.HIGH, Priority.ROUTINE)
"""What is offered; others come from the HIS only."""

_PREGNANCY = [("", _("Không hỏi")), ("1", _("Không")), ("2", _("Có thể")), ("3", _("Có")), ("4", _("Không rõ"))]
_DATE = re.compile(r"(\d{1,2})[/.-]?(\d{1,2})[/.-]?(\d{4})")
_TIME = re.compile(r"(\d{1,2})(?::|g|h)?(\d{2})?$")

_WHAT_TO_DO = {
    "full_name": _("Ghi cả họ và tên, tối đa 64 ký tự."),
    "service": _("Chọn ít nhất một dịch vụ đang dùng."),
    "service_code": _("Chọn dịch vụ khác."),
    "PatientBirthDate": _("Ghi 21/11/1980, 21111980 hoặc 1980."),
    "patient_identifier": _("Số này là của người bệnh khác; tìm người bệnh đó, hoặc sửa số."),
}


def typed_moment(text: str) -> datetime:
    """A time as people type it: ``14:30`` (today), ``21/11/2026 14:30``, ``211126`` is none.

    :raises ValueError: when it is none
    """
    text = " ".join(text.split())
    now = timezone.localtime()
    found = _DATE.match(text)
    day = now.date()
    if found:
        day = day.replace(year=int(found[3]), month=int(found[2]), day=int(found[1]))
        text = text[found.end() :].strip()
    hour, minute = now.hour, now.minute
    if text:
        clock = _TIME.fullmatch(text)
        if clock is None:
            raise ValueError(text)
        hour, minute = int(clock[1]), int(clock[2] or 0)
    elif not found:
        raise ValueError(text)
    return now.replace(year=day.year, month=day.month, day=day.day, hour=hour, minute=minute, second=0, microsecond=0)


class DetailsForm(forms.Form):
    """What may be said of an order when it is made and changed later."""

    priority = forms.ChoiceField(required=False, label=_("Mức ưu tiên"))
    scheduled_at = forms.CharField(max_length=32, required=False, label=_("Giờ chụp"))
    station = forms.ChoiceField(required=False, label=_("Máy"))
    room = forms.CharField(max_length=64, required=False, label=_("Phòng"))
    requesting_physician = forms.CharField(max_length=255, required=False, label=_("Bác sĩ chỉ định"))
    requesting_department = forms.CharField(max_length=255, required=False, label=_("Khoa chỉ định"))
    clinical_indication = forms.CharField(max_length=4000, required=False, label=_("Lý do chụp"))
    comments = forms.CharField(max_length=1024, required=False, label=_("Ghi chú cho KTV"))
    allergies = forms.CharField(max_length=255, required=False, label=_("Dị ứng"))
    pregnancy_status = forms.ChoiceField(choices=_PREGNANCY, required=False, label=_("Có thai"))
    patient_weight_kg = forms.DecimalField(
        min_value=Decimal("0.1"), max_value=MOST_WEIGHT_KG, decimal_places=2, required=False, label=_("Cân nặng (kg)"),
        error_messages={"invalid": _("Ghi số kg, ví dụ 62.5.")},
    )  # fmt: skip
    isolation = forms.CharField(max_length=64, required=False, label=_("Cách ly"))
    transport = forms.CharField(max_length=64, required=False, label=_("Di chuyển"))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        offered = dict.fromkeys((*PRIORITIES, str(self.initial.get("priority") or Priority.ROUTINE)))
        self.fields["priority"].choices = [(str(each), WORDS["priority"][each]) for each in offered]  # type: ignore[attr-defined]
        devices = Device.objects.filter(active=True, may_query_worklist=True).order_by("modality", "ae_title")
        self.fields["station"].choices = [("", _("Máy thường dùng"))] + [  # type: ignore[attr-defined]
            (device.ae_title, f"{device.ae_title} · {device.name}") for device in devices
        ]

    def clean_scheduled_at(self) -> datetime | None:
        text = self.cleaned_data["scheduled_at"].strip()
        if not text:
            return None
        try:
            return typed_moment(text)
        except ValueError as error:
            raise forms.ValidationError(_("Ghi 14:30, hoặc 21/11/2026 14:30.")) from error

    def condition(self) -> PatientCondition:
        """As entered; what was emptied is deleted."""
        said = self.cleaned_data
        status = said["pregnancy_status"]
        return PatientCondition(
            allergies=said["allergies"],
            pregnancy_status=int(status) if status else None,
            patient_weight_kg=said["patient_weight_kg"],
            isolation=said["isolation"],
            transport=said["transport"],
        )

    def refuse(self, error: QuangError) -> None:
        """Show what the domain found wrong beside the field it is about."""
        told = error.detail if error.code == "QUANG-1103" else _WHAT_TO_DO.get(error.field, error.detail)
        field = {"PatientBirthDate": "birth_date"}.get(error.field, error.field)
        self.add_error(field if field in self.fields else None, told)


class NewOrderForm(DetailsForm):
    """A new order: who, what, and the rest."""

    patient = forms.CharField(max_length=20, required=False)
    """Key of a patient who is here, or ``new``."""
    full_name = forms.CharField(max_length=255, required=False, label=_("Họ tên"))
    birth_date = forms.CharField(max_length=16, required=False, label=_("Ngày sinh"))
    sex = forms.ChoiceField(
        choices=[("", _("Không rõ")), ("M", _("Nam")), ("F", _("Nữ"))], required=False, label=_("Giới tính")
    )
    patient_number = forms.CharField(max_length=64, required=False, label=_("Mã người bệnh"))
    citizen_number = forms.CharField(max_length=64, required=False, label=_("CCCD"))
    insurance_number = forms.CharField(max_length=64, required=False, label=_("Thẻ BHYT"))
    phone = forms.CharField(max_length=64, required=False, label=_("Điện thoại"))
    service = forms.CharField(required=False)
    confirmed = forms.BooleanField(required=False)

    def clean_birth_date(self) -> str:
        date = typed_date(self.cleaned_data["birth_date"])
        if date and not re.fullmatch(r"\d{4}(\d{2}(\d{2})?)?", date):
            raise forms.ValidationError(_WHAT_TO_DO["PatientBirthDate"])
        if len(date) == 8:
            try:
                datetime.strptime(date, "%Y%m%d")  # noqa: DTZ007 - a day of the calendar, no moment
            except ValueError as error:
                raise forms.ValidationError(_("Không có ngày này trong lịch.")) from error
        return date

    def clean(self) -> dict[str, object]:
        said: dict[str, object] = super().clean() or self.cleaned_data
        if said.get("patient") == "new":
            if not str(said.get("full_name", "")).strip():
                self.add_error("full_name", _WHAT_TO_DO["full_name"])
        elif not str(said.get("patient", "")).isdecimal():
            self.add_error("patient", _("Chọn người bệnh, hoặc thêm người bệnh mới."))
        return said

    def who(self) -> int | NewPatient:
        """The patient, as they were chosen or entered."""
        said = self.cleaned_data
        if said["patient"] != "new":
            return int(said["patient"])
        return NewPatient(
            **{
                name: said[name]
                for name in (
                    "full_name", "birth_date", "sex", "patient_number", "citizen_number", "insurance_number", "phone",
                )
            }
        )  # fmt: skip

    def order(self, service_ids: tuple[int, ...]) -> NewOrder:
        """What is ordered."""
        said = self.cleaned_data
        return NewOrder(
            service_ids=service_ids,
            priority=said["priority"] or "ROUTINE",
            scheduled_at=said["scheduled_at"],
            station_ae_title=said["station"],
            room=said["room"].strip(),
            requesting_physician=said["requesting_physician"].strip(),
            requesting_department=said["requesting_department"].strip(),
            clinical_indication=said["clinical_indication"].strip(),
            comments=said["comments"].strip(),
            condition=self.condition(),
        )


class ChangeForm(DetailsForm):
    """What may be changed of one procedure of an order."""

    @classmethod
    def of(cls, procedure: RequestedProcedure, step: ScheduledProcedureStep | None) -> ChangeForm:
        """The form filled with what is ordered."""
        request = procedure.request
        return cls(
            initial={
                "priority": procedure.priority,
                "scheduled_at": f"{timezone.localtime(procedure.scheduled_at):%d/%m/%Y %H:%M}",
                "station": step.station_ae_title if step else "",
                "room": step.room if step else "",
                **{
                    name: getattr(request, name)
                    for name in (
                        "requesting_physician", "requesting_department", "clinical_indication", "comments", "allergies",
                        "pregnancy_status", "patient_weight_kg", "isolation", "transport",
                    )
                },
            }
        )  # fmt: skip

    def amendment(self, procedure: RequestedProcedure) -> Amendment:
        """What was entered; a time that stands as it was is not said again, for its seconds are not shown."""
        said = self.cleaned_data
        at = said["scheduled_at"]
        shown = procedure.scheduled_at.replace(second=0, microsecond=0)
        return Amendment(
            priority=said["priority"] or None,
            scheduled_at=at if at and at != shown else None,
            station_ae_title=said["station"],
            room=said["room"].strip(),
            requesting_physician=said["requesting_physician"].strip(),
            requesting_department=said["requesting_department"].strip(),
            clinical_indication=said["clinical_indication"].strip(),
            comments=said["comments"].strip(),
            condition=self.condition(),
        )
