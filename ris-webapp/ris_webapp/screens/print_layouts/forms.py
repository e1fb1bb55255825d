"""What was entered into a layout's form, and what is wrong with it in the user's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from ris_core.errors import EditConflict, QuangError
from ris_core.print_layouts.design import Design, design_of
from ris_core.print_layouts.models import PrintLayout
from ris_core.print_layouts.sandbox import LayoutFaulty
from ris_core.print_layouts.services import LayoutFacts, RuleFacts, rules_of
from ris_webapp.screens.print_layouts.fields import data_of, entered_values, field_of, values_of

_RULE_PARTS = ("source", "requesting_department", "modality", "service_code")


@dataclass
class LayoutForm:
    """The form of one layout: its values as shown, and errors beside the fields."""

    kind: str
    values: dict[str, Any]
    code: str = ""
    name: str = ""
    comment: str = ""
    is_usual: bool = False
    over: int = 0
    rules: list[dict[str, str]] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    """By path; of the whole form by the empty one."""

    @classmethod
    def showing(cls, kind: str, design: Design) -> LayoutForm:
        return cls(kind, values_of(kind, design))

    @classmethod
    def of(cls, layout: PrintLayout) -> LayoutForm:
        current = layout.current
        form = cls.showing(layout.kind, design_of(layout.kind, current.design if current else {}))
        form.code, form.name, form.is_usual = layout.code, layout.name, layout.is_usual
        form.over = current.number if current else 0
        form.rules = [{part: getattr(rule, part) for part in _RULE_PARTS} for rule in rules_of(layout)]
        return form

    @classmethod
    def entered(cls, kind: str, posted: QueryDict) -> LayoutForm:
        form = cls(kind, entered_values(kind, posted))
        form.code, form.name = posted.get("code", "").strip(), posted.get("name", "").strip()
        form.comment, form.is_usual = posted.get("comment", ""), "is_usual" in posted
        over = posted.get("over", "")
        form.over = int(over) if over.isdecimal() and len(over) < 9 else 0
        columns = [posted.getlist(f"rule_{part}") for part in _RULE_PARTS]
        rows = [dict(zip(_RULE_PARTS, map(str.strip, row), strict=True)) for row in zip(*columns, strict=False)]
        form.rules = [{**row, "modality": row["modality"].upper()} for row in rows if any(row.values())]
        return form

    def facts(self) -> LayoutFacts | None:
        """None when something is wrong, which is then said beside it."""
        try:
            rules = tuple(RuleFacts(**rule) for rule in self.rules)
            return LayoutFacts(self.code, self.name, self.kind, self.is_usual, rules)
        except QuangError as error:
            self.refuse(error)
            return None

    def design(self) -> Design | None:
        """The same of the design."""
        try:
            return design_of(self.kind, data_of(self.kind, self.values))
        except QuangError as error:
            self.refuse(error)
            return None

    def refuse(self, error: QuangError) -> None:
        known = error.field in self.values or error.field in ("code", "name", "rules")
        self.errors[error.field if known else ""] = sentence_of(error, self.kind)


def sentence_of(error: QuangError, kind: str = "REPORT") -> str:
    """What to do about ``error``, in the user's words."""
    if isinstance(error, EditConflict):
        return _("Người khác vừa lưu một bản mới của mẫu này. Mở lại trang để xem, rồi sửa tiếp.")
    if isinstance(error, LayoutFaulty):
        return _("Mẫu tự viết không in được: %(why)s") % {"why": error.detail}
    if (
        (shown := field_of(kind, error.field)) is not None
        and shown.kind == "number"
        and error.field != "paper.width_mm"
    ):
        return _("Nhập số từ %(low)g đến %(high)g.") % {"low": shown.low, "high": shown.high} + _fit(error)
    return {
        "code": _("Mã gồm chữ thường không dấu, số, chấm, gạch; không trùng với mẫu khác."),
        "name": _("Hãy đặt tên cho mẫu."),
        "rules": _("Mỗi dòng cần ít nhất một điều kiện; loại máy viết chữ hoa như CT."),
        "paper.width_mm": _("Nhập số từ 50 đến 450; lề phải để lại ít nhất 40 mm."),
        "picture": _("Ảnh phải là PNG, JPEG hoặc SVG đọc được, tối đa 2 MB."),
        "letterhead.logo": _("Không còn ảnh này: hãy chọn lại logo."),
        "file": _("Tệp không phải tệp mẫu in của Quang (ZIP hoặc JSON), hoặc quá lớn."),
    }.get(error.field, error.detail)


def _fit(error: QuangError) -> str:
    return " " + _("Nhãn không vừa tờ giấy: giảm số cột, số hàng hoặc cỡ nhãn.") if "labels are" in error.detail else ""
