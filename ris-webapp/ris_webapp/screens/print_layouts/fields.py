"""The form of a layout as data: which fields there are, in which groups, and how what is entered becomes a design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from ris_core.print_layouts.design import FACTS, LABEL_LINES, Design, design_data
from ris_webapp.words import Text

Kind = Literal["text", "number", "choice", "tick", "colour", "picture", "lines", "several"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``path`` is its place in the design: ``paper.top_mm``."""

    path: str
    label: Text
    kind: Kind = "text"
    options: tuple[tuple[str, Text], ...] = ()
    hint: Text = ""
    low: float = 0
    high: float = 0
    whole: bool = False
    """Of numbers: without a fraction."""
    only_when: str = ""
    """Shown only when another field has this value: ``paper.size=OWN``."""


@dataclass(frozen=True, slots=True)
class Group:
    title: Text
    fields: tuple[Field, ...]
    opened: bool = False


_FONTS: Final = tuple((name, name) for name in ("Be Vietnam Pro", "Noto Sans", "Noto Serif"))
_SIDES: Final = (("left", _("bên trái")), ("center", _("ở giữa")), ("right", _("bên phải")))


def _mm(path: str, label: Text, low: float, high: float, **more: Any) -> Field:
    return Field(path, label, "number", low=low, high=high, **more)


def _count(path: str, label: Text, low: int, high: int, **more: Any) -> Field:
    return Field(path, label, "number", low=low, high=high, whole=True, **more)


_LETTERING: Final = (
    Field("lettering.font", _("Phông chữ"), "choice", _FONTS),
    Field("lettering.size_pt", _("Cỡ chữ (pt)"), "number", low=4, high=20),
)

REPORT_GROUPS: Final = (
    Group(
        _("Đầu trang"),
        (
            Field("letterhead.shown", _("In đầu trang"), "tick", hint=_("Bỏ chọn khi giấy đã in sẵn tiêu đề.")),
            Field("letterhead.above", _("Cơ quan chủ quản"), hint=_("Ví dụ SỞ Y TẾ ĐÀ NẴNG.")),
            Field("letterhead.hospital", _("Bệnh viện"), hint=_("Để trống: tên trong cấu hình.")),
            Field("letterhead.department", _("Khoa")),
            Field("letterhead.lines", _("Địa chỉ, mỗi dòng một"), "lines"),
            Field("letterhead.phone", _("Điện thoại")),
            Field("letterhead.logo", _("Logo"), "picture", hint=_("PNG, JPEG hoặc SVG, tối đa 2 MB.")),
            Field("letterhead.logo_side", _("Chỗ đặt logo"), "choice", (_SIDES[0], _SIDES[2])),
            _mm("letterhead.logo_height_mm", _("Chiều cao logo (mm)"), 5, 60),
            Field("letterhead.colour", _("Màu"), "colour"),
        ),
        opened=True,
    ),
    Group(
        _("Giấy và chữ"),
        (
            Field(
                "paper.size",
                _("Khổ giấy"),
                "choice",
                (("A4", "A4"), ("A5", "A5"), ("LETTER", "Letter"), ("OWN", _("tự đặt"))),
            ),
            _mm("paper.width_mm", _("Rộng (mm)"), 50, 450, only_when="paper.size=OWN"),
            _mm("paper.height_mm", _("Cao (mm)"), 50, 600, only_when="paper.size=OWN"),
            Field("paper.landscape", _("Giấy ngang"), "tick"),
            _mm("paper.top_mm", _("Lề trên (mm)"), 0, 80),
            _mm("paper.bottom_mm", _("Lề dưới (mm)"), 0, 80),
            _mm("paper.left_mm", _("Lề trái (mm)"), 0, 80),
            _mm("paper.right_mm", _("Lề phải (mm)"), 0, 80),
            *_LETTERING,
        ),
        opened=True,
    ),
    Group(
        _("Nội dung in"),
        (
            Field("body.title", _("Tên phiếu"), hint=_("Để trống: PHIẾU KẾT QUẢ CHẨN ĐOÁN HÌNH ẢNH.")),
            Field(
                "body.facts",
                _("Thông tin in ra ngoài họ tên"),
                "several",
                tuple(
                    zip(
                        FACTS,
                        (
                            _("mã bệnh nhân"),
                            _("ngày sinh"),
                            _("giới tính"),
                            _("bác sĩ chỉ định"),
                            _("khoa phòng"),
                            _("số phiếu"),
                            _("giờ thực hiện"),
                            _("chẩn đoán, lý do"),
                        ),
                        strict=True,
                    )
                ),
            ),
        ),
    ),
    Group(
        _("Hình ảnh"),
        (
            Field(
                "images.place",
                _("Chỗ in hình"),
                "choice",
                (
                    ("after", _("sau phần chữ")),
                    ("before", _("trước phần chữ")),
                    ("own_page", _("trang riêng")),
                    ("none", _("không in")),
                ),
            ),
            _count("images.columns", _("Số cột hình"), 1, 4),
            _count("images.per_page", _("Số hình nhiều nhất trên một trang"), 1, 12),
            Field("images.captions", _("In số và chú thích"), "tick"),
        ),
        opened=True,
    ),
    Group(
        _("Ký, mã QR, chân trang"),
        (
            Field("signature.side", _("Chỗ ký"), "choice", _SIDES),
            Field("signature.role", _("Chức danh trên tên"), hint=_("Để trống: Bác sĩ đọc kết quả.")),
            Field("signature.approval_mark", _("In dòng đã duyệt trên hệ thống"), "tick"),
            Field(
                "qr.opens",
                _("Mã QR mở"),
                "choice",
                (("images", _("ảnh của ca")), ("verify", _("trang kiểm tra chữ ký")), ("none", _("không in mã QR"))),
            ),
            _mm("qr.size_mm", _("Cạnh mã QR (mm)"), 12, 50),
            Field("footer.patient", _("In tên, mã người bệnh ở chân mọi trang"), "tick"),
            Field("footer.page_numbers", _("Đánh số trang"), "tick"),
            Field("footer.text", _("Dòng chữ ở chân trang")),
            Field("watermarks.draft", _("In chìm BẢN NHÁP khi chưa duyệt"), "tick"),
            Field("watermarks.recalled", _("In chìm ĐÃ THU HỒI khi đã thu hồi"), "tick"),
        ),
    ),
)

LABEL_GROUPS: Final = (
    Group(
        _("Nhãn"),
        (
            _mm("label.width_mm", _("Rộng (mm)"), 15, 300),
            _mm("label.height_mm", _("Cao (mm)"), 8, 300),
            _mm("label.padding_mm", _("Lề trong (mm)"), 0, 20),
            Field("label.border", _("Kẻ viền"), "tick"),
            *_LETTERING,
        ),
        opened=True,
    ),
    Group(
        _("Mã vạch"),
        (
            Field(
                "code.kind",
                _("Kiểu mã vạch"),
                "choice",
                (("code128", "Code 128"), ("qr", "QR"), ("both", _("cả hai")), ("none", _("không in mã"))),
            ),
            Field(
                "code.holds",
                _("Mã chứa"),
                "choice",
                (("key", _("mã ca (quét ở máy chụp và ở đây)")), ("accession_number", _("số phiếu"))),
            ),
            _mm("code.height_mm", _("Chiều cao vạch (mm)"), 4, 60),
            _mm("code.qr_mm", _("Cạnh mã QR (mm)"), 8, 80),
        ),
        opened=True,
    ),
    Group(
        _("Nội dung in"),
        (
            Field(
                "lines",
                _("Các dòng in ra"),
                "several",
                tuple(
                    zip(
                        LABEL_LINES,
                        (
                            _("họ tên"), _("ngày sinh, giới"), _("mã bệnh nhân"), _("dịch vụ"), _("số phiếu"),
                            _("ngày chụp"), _("khoa phòng"), _("mã ca"), _("tên bệnh viện"),
                        ),
                        strict=True,
                    )
                ),
            ),
        ),
        opened=True,
    ),
    Group(
        _("Tờ nhãn"),
        (
            Field("sheet.single", _("Mỗi nhãn một trang (máy in nhãn)"), "tick"),
            Field("sheet.paper", _("Khổ giấy"), "choice", (("A4", "A4"), ("A5", "A5"), ("LETTER", "Letter"))),
            _count("sheet.columns", _("Số cột"), 1, 10),
            _count("sheet.rows", _("Số hàng"), 1, 30),
            _mm("sheet.top_mm", _("Từ mép trên (mm)"), 0, 80),
            _mm("sheet.left_mm", _("Từ mép trái (mm)"), 0, 80),
            _mm("sheet.gap_x_mm", _("Khe giữa các cột (mm)"), 0, 40),
            _mm("sheet.gap_y_mm", _("Khe giữa các hàng (mm)"), 0, 40),
        ),
    ),
)  # fmt: skip


def groups_of(kind: str) -> tuple[Group, ...]:
    return LABEL_GROUPS if kind == "LABEL" else REPORT_GROUPS


def field_of(kind: str, path: str) -> Field | None:
    return next((field for group in groups_of(kind) for field in group.fields if field.path == path), None)


def values_of(kind: str, design: Design) -> dict[str, Any]:
    """What the fields show of ``design``, by path."""
    data = design_data(design)
    values = {}
    for group in groups_of(kind):
        for field in group.fields:
            part, _dot, name = field.path.partition(".")
            value = data[part][name] if name else data[part]
            values[field.path] = "\n".join(value) if field.kind == "lines" else _shown(value)
    return {**values, "template": data["template"], "style": data["style"]}


def entered_values(kind: str, entered: QueryDict) -> dict[str, Any]:
    """What was entered, as the fields show it."""
    values: dict[str, Any] = {name: entered.get(name, "") for name in ("template", "style")}
    for group in groups_of(kind):
        for field in group.fields:
            if field.kind == "several":
                values[field.path] = entered.getlist(field.path)
            elif field.kind == "tick":
                values[field.path] = field.path in entered
            else:
                values[field.path] = entered.get(field.path, "").strip()
    return values


def data_of(kind: str, values: dict[str, Any]) -> dict[str, Any]:
    """The design's JSON of entered ``values``; what is no number stays text, which the design refuses by its path."""
    data: dict[str, Any] = {name: values[name].replace("\r\n", "\n") for name in ("template", "style")}
    for group in groups_of(kind):
        for field in group.fields:
            part, _dot, name = field.path.partition(".")
            target, key = (data.setdefault(part, {}), name) if name else (data, part)
            target[key] = _typed(field, values[field.path])
    return data


def _typed(field: Field, value: Any) -> Any:
    if field.kind == "number":
        text = str(value).replace(",", ".")
        try:
            return int(text) if field.whole else float(text)
        except ValueError:
            return text
    if field.kind == "lines":
        return [line.strip() for line in str(value).splitlines() if line.strip()]
    if field.kind == "several":  # in the order of the form
        return [key for key, _label in field.options if key in value]
    return value


def _shown(value: Any) -> Any:
    return f"{value:g}".replace(".", ",") if isinstance(value, float) else value
