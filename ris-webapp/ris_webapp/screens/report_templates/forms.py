"""The forms of templates and phrases; what may be in them is decided by the domain."""

from __future__ import annotations

import json

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from ris_core.errors import EditConflict, QuangError
from ris_core.json_text import read_json
from ris_core.reports.content import STANDARD_SECTIONS
from ris_core.reports.definition import Definition
from ris_core.reports.models import ReportTemplate
from ris_core.reports.phrases import PhraseFacts
from ris_core.reports.template_services import TemplateFacts

_WHAT_TO_DO = {
    "code": _("Mã gồm chữ thường không dấu, số, chấm, gạch; không trùng với mẫu khác."),
    "name": _("Hãy đặt tên cho mẫu."),
    "modality": _("Loại máy viết bằng chữ hoa, ví dụ CT."),
    "service_code": _("Mã dịch vụ dài quá 64 ký tự."),
    "definition": _("Mẫu cần ít nhất một mục, mỗi mục có mã riêng."),
    "content": _("Có phần quá dài, quá nhiều, hoặc hai phần trùng mã; bảng cần ít nhất một cột."),
    "when": _("Tuổi từ 0 đến 150, tuổi dưới không lớn hơn tuổi trên."),
    "file": _("Tệp không phải tệp mẫu kết quả (JSON của Quang hoặc HTML theo MRRT), hoặc quá lớn."),
    "abbreviation": _("Chữ tắt gồm 1 đến 32 chữ hoặc số, chưa dùng cho cụm từ khác của cùng loại ca."),
    "text": _("Hãy viết cụm từ, ở đây hoặc ở một mục bên dưới; mỗi ô dài nhất 4.000 ký tự."),
    **dict.fromkeys(STANDARD_SECTIONS, _("Dài nhất 4.000 ký tự.")),
    "word": _("Một từ, chỉ gồm chữ."),
}


def sentence_of(error: QuangError) -> str:
    """What to do about ``error``, in the user's words."""
    if isinstance(error, EditConflict):
        return _now("Người khác vừa lưu một bản mới của mẫu này. Mở lại trang để xem, rồi sửa tiếp.")
    return str(_WHAT_TO_DO.get(error.field, error.detail))


class TemplateForm(forms.Form):
    """A template as the designer sends it: its definition as JSON."""

    code = forms.CharField(max_length=64, label=_("Mã"))
    name = forms.CharField(max_length=255, label=_("Tên"))
    modality = forms.CharField(max_length=16, required=False, label=_("Loại máy"))
    service_code = forms.CharField(max_length=64, required=False, label=_("Mã dịch vụ"))
    comment = forms.CharField(max_length=255, required=False, label=_("Ghi chú cho bản này"))
    over = forms.IntegerField(required=False)
    definition = forms.CharField()

    @classmethod
    def of(cls, template: ReportTemplate) -> TemplateForm:
        current = template.current
        return cls(
            initial={
                "code": template.code,
                "name": template.name,
                "modality": template.modality,
                "service_code": template.service_code,
                "over": current.number if current else None,
                "definition": json.dumps(current.definition if current else {}),
            }
        )

    def entered(self) -> tuple[TemplateFacts, Definition] | None:
        """The template as entered; none when something is wrong, which the form then says."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        try:
            facts = TemplateFacts(data["code"], data["name"], data["modality"].upper(), data["service_code"])
            return facts, Definition.from_json(read_json(data["definition"], field="definition"))
        except QuangError as error:
            self.refuse(error)
        return None

    def refuse(self, error: QuangError) -> None:
        self.add_error(
            error.field if error.field in ("code", "name", "modality", "service_code") else None, sentence_of(error)
        )


class PhraseForm(forms.Form):
    """A phrase, new or changed."""

    phrase_id = forms.IntegerField(required=False)
    abbreviation = forms.CharField(max_length=32, label=_("Chữ tắt"))
    text = forms.CharField(required=False, label=_("Cụm từ"))
    technique = forms.CharField(required=False, label=_("Kỹ thuật"))
    findings = forms.CharField(required=False, label=_("Mô tả"))
    conclusion = forms.CharField(required=False, label=_("Kết luận"))
    recommendation = forms.CharField(required=False, label=_("Đề nghị"))
    replaces = forms.BooleanField(required=False, label=_("Thay chữ đang có trong các mục này"))
    modality = forms.CharField(max_length=16, required=False, label=_("Chỉ loại máy"))
    service_code = forms.CharField(max_length=64, required=False, label=_("Chỉ dịch vụ"))
    shared = forms.BooleanField(required=False, label=_("Cho cả bệnh viện"))

    def entered(self) -> PhraseFacts | None:
        if not self.is_valid():
            return None
        data = self.cleaned_data
        try:
            return PhraseFacts(
                data["abbreviation"].strip().lstrip("."),
                data["text"],
                data["modality"].strip().upper(),
                data["service_code"].strip(),
                data["shared"],
                {code: data[code] for code in STANDARD_SECTIONS if data[code].strip()},
                data["replaces"],
            )
        except QuangError as error:
            self.refuse(error)
            return None

    def refuse(self, error: QuangError) -> None:
        self.add_error(error.field if error.field in self.fields else None, sentence_of(error))
