"""The form of a receiver; what may be in it is decided by
:class:`ris_core.delivery.receivers.ReceiverRegistration`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from ris_core.delivery.layout import DEFAULT_PARTS, Part, layout_of
from ris_core.delivery.models import FirstStatus, Receiver, ResultFormat
from ris_core.delivery.oru import VERSIONS
from ris_core.delivery.receivers import ReceiverRegistration, Wanted
from ris_core.errors import InvalidValue, QuangError
from ris_webapp.words import WORDS

CONDITIONS: Final = ("source", "requesting_department", "modality", "service_code")
EMPTY_RULES: Final = 2
"""Rows for further rules that the form offers."""

_WHAT_TO_DO = {
    "code": _("Mã gồm chữ không dấu, số, gạch; không trùng với nơi nhận khác."),
    "name": _("Hãy đặt tên cho nơi nhận."),
    "host": _("Hãy ghi tên máy hoặc địa chỉ IP của nơi nhận."),
    "port": _("Cổng là số từ 1 đến 65535."),
    "url": _("Địa chỉ https của nơi nhận; http và máy này chỉ khi đã ghi trong cấu hình."),
    "rules": _("Mỗi quy tắc cần ít nhất một điều kiện; nhiều nhất 50 quy tắc."),
    "identifiers": _("Mỗi dòng: phần=mã^tên^hệ mã, ví dụ conclusion=KL^Kết luận^BVQ."),
}


class ReceiverForm(forms.Form):
    """Everything known of a receiver. Errors name the field and say what to do."""

    code = forms.CharField(max_length=64, label=_("Mã"))
    name = forms.CharField(max_length=255, label=_("Tên"))
    format = forms.ChoiceField(
        choices=[(each, WORDS["result_format"][each]) for each in ResultFormat.values], label=_("Định dạng")
    )
    host = forms.CharField(max_length=255, required=False, label=_("Máy nhận"))
    port = forms.IntegerField(required=False, label=_("Cổng"))
    url = forms.CharField(max_length=500, required=False, label=_("Địa chỉ"))
    application = forms.CharField(max_length=64, required=False, label=_("Ứng dụng nhận (MSH-5)"))
    facility = forms.CharField(max_length=64, required=False, label=_("Cơ sở nhận (MSH-6)"))
    hl7_version = forms.ChoiceField(
        choices=[(each, each) for each in VERSIONS], initial="2.5.1", label=_("Phiên bản HL7")
    )
    source = forms.CharField(max_length=128, required=False, label=_("Chỉ phiếu của nơi gửi"))
    first_status = forms.ChoiceField(
        choices=[(each, WORDS["first_status"][each]) for each in FirstStatus.values], label=_("Gửi từ trạng thái")
    )
    only_newest = forms.BooleanField(required=False, label=_("Chỉ gửi bản mới nhất"))
    signed_only = forms.BooleanField(required=False, label=_("Chỉ gửi bản đã ký số"))
    parts = forms.MultipleChoiceField(
        choices=[(part.value, WORDS["result_part"][part]) for part in Part], label=_("Nội dung bản tin")
    )
    identifiers = forms.CharField(required=False, label=_("Mã riêng (OBX-3)"), widget=forms.Textarea)
    recalled_as = forms.ChoiceField(
        choices=[(each, WORDS["recalled_as"][each]) for each in ("W", "D")], label=_("Khi thu hồi (OBX-11)")
    )
    newer_document = forms.ChoiceField(
        choices=[(each, WORDS["newer_document"][each]) for each in ("T10", "T08", "T06")],
        label=_("Bản sau của tài liệu (MDM)"),
    )
    active = forms.BooleanField(required=False, label=_("Đang dùng"))

    @classmethod
    def empty(cls) -> ReceiverForm:
        """For a new receiver, as most are."""
        values = {"format": "ORU", "application": "HIS", "hl7_version": "2.5.1", "first_status": "P", "active": True}
        return cls(initial={**values, "parts": list(DEFAULT_PARTS), "recalled_as": "W", "newer_document": "T10"})

    @classmethod
    def of(cls, receiver: Receiver) -> ReceiverForm:
        """The form filled with a receiver."""
        layout = layout_of(receiver.layout)
        names = [name for name in cls.base_fields if hasattr(receiver, name)]
        initial = {name: getattr(receiver, name) for name in names}
        identifiers = "\n".join(f"{name}={value}" for name, value in layout.identifiers.items())
        return cls(
            initial={
                **initial,
                "port": receiver.port or "",
                "parts": list(layout.parts),
                "identifiers": identifiers,
                "recalled_as": layout.recalled_as,
                "newer_document": layout.newer_document,
            }
        )

    def rule_rows(self, saved: list[dict[str, str]]) -> list[dict[str, str]]:
        """The rules as entered, else as saved, and empty rows."""
        rows = [rule_of(row) for row in _entered_rules(self.data)] if self.is_bound else saved
        return [*rows, *(dict.fromkeys(CONDITIONS, "") for _ in range(EMPTY_RULES))]

    def registration(self) -> ReceiverRegistration | None:
        """The receiver as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        entered = self.cleaned_data
        try:
            layout: dict[str, Any] = {
                # in the order in which they were, new ones at the end
                "parts": entered["parts"],
                "identifiers": _identifiers(entered["identifiers"]),
                "recalled_as": entered["recalled_as"],
                "newer_document": entered["newer_document"],
            }
            names = (
                "code", "name", "format", "hl7_version", "first_status", "only_newest", "signed_only", "active",
            )  # fmt: skip
            texts = ("host", "url", "application", "facility", "source")
            return ReceiverRegistration(
                **{name: entered[name] for name in names},
                **{name: entered[name].strip() for name in texts},
                port=entered["port"] or 0,
                layout=layout,
                rules=tuple(Wanted(**rule_of(row)) for row in _entered_rules(self.data)),
            )
        except QuangError as error:
            self.refuse(error)
            return None

    def refuse(self, error: QuangError) -> None:
        """Show what the domain found wrong beside the field it is about."""
        name = "identifiers" if error.field == "layout" else error.field
        text = error.detail if error.field == "layout" else _WHAT_TO_DO.get(error.field, error.detail)
        self.add_error(name if name in self.fields else None, text)


def rule_of(row: Mapping[str, str]) -> dict[str, str]:
    return {name: row[name] for name in CONDITIONS}


def _entered_rules(data: Any) -> list[dict[str, str]]:
    """The rows of the form in which something stands."""
    columns = [data.getlist(f"rule_{name}") if hasattr(data, "getlist") else [] for name in CONDITIONS]
    rows = [
        {name: value.strip()[:255] for name, value in zip(CONDITIONS, values, strict=True)}
        for values in zip(*columns, strict=False)
    ]
    for row in rows:
        row["modality"] = row["modality"].upper()[:16]
    return [row for row in rows if any(row.values())]


def _identifiers(text: str) -> dict[str, str]:
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, separator, value = line.partition("=")
        if not separator:
            raise InvalidValue("each line reads part=code^name^system", field="identifiers")
        found[name.strip()] = value.strip()
    return found
