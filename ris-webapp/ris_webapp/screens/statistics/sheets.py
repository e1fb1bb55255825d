"""The tables of the statistics as sheets of a workbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from django.utils.translation import gettext as _

from ris_core.accounts.models import User
from ris_core.statistics import output, turnaround
from ris_core.statistics.output import Output
from ris_core.statistics.period import Period
from ris_core.statistics.register_sheet import Wording, register_sheet
from ris_core.statistics.workbook import Cell, Sheet
from ris_webapp.screens.statistics.words import STAGES
from ris_webapp.words import WORDS

_WORDED: Final = ("sex", "patient_class", "exam_state")


def _title(text: str, period: Period) -> str:
    days = f"{period.first:%d/%m/%Y} – {period.last:%d/%m/%Y}"
    return " · ".join(filter(None, [text, days, period.department, period.modality, period.service_code]))


def _counted(name: str, keys: list[str], rows: list[Output], period: Period) -> Sheet:
    columns = [
        *keys, _("Ca chỉ định"), _("Đã chụp"), _("Có kết quả"), _("Đã trả"), _("Huỷ"), _("Số người bệnh"), _("Số ảnh"),
    ]  # fmt: skip
    cells: list[tuple[Cell, ...]] = [
        (*row.key, row.ordered, row.performed, row.reported, row.returned, row.cancelled, row.patients, row.images)
        for row in rows
    ]
    return Sheet(name, _title(name, period), columns, cells, [28] * len(keys))


def output_sheets(period: Period) -> Iterator[Sheet]:
    keys = [_("Loại máy"), _("Mã dịch vụ"), _("Dịch vụ")]
    yield _counted(_("Theo dịch vụ"), keys, output.by_service(period), period)
    yield _counted(_("Theo khoa chỉ định"), [_("Khoa chỉ định")], output.by_department(period), period)
    yield _counted(_("Theo loại máy"), [_("Loại máy")], output.by_modality(period), period)


def turnaround_sheets(period: Period) -> Iterator[Sheet]:
    columns = [_("Chặng"), _("Số ca"), _("Trung bình (phút)"), _("Trung vị (phút)"), _("90 % dưới (phút)")]
    rows: list[tuple[Cell, ...]] = [
        (str(STAGES[each.name]), each.total, *map(_rounded, (each.mean_minutes, each.median_minutes, each.p90_minutes)))
        for each in turnaround.stages(period)
    ]
    name = _("Thời gian trả kết quả")
    yield Sheet(name, _title(name, period), columns, rows, [42, 10, 18, 18, 18])


def image_sheets(period: Period) -> Iterator[Sheet]:
    columns = [_("Loại ảnh"), _("Đã gắn ca"), _("Chờ khớp"), _("Khác"), _("Số ảnh")]
    rows = [
        (each.modalities, each.linked, each.waiting, each.other, each.images) for each in output.images_received(period)
    ]
    name = _("Ảnh nhận được")
    yield Sheet(name, _title(name, period), columns, rows, [20, 12, 12, 12, 12])


def register_wording(period: Period) -> Wording:
    """The words of the register's sheet, in the user's language."""
    columns = [
        _("Số"), _("Thời gian"), _("Số phiếu"), _("Họ tên"), _("Mã người bệnh"), _("Ngày sinh"), _("Giới"), _("Diện"),
        _("Khoa chỉ định"), _("Bác sĩ chỉ định"), _("Loại máy"), _("Mã dịch vụ"), _("Dịch vụ"), _("Số ảnh"),
        _("Tình trạng"), _("Bác sĩ đọc"), _("Duyệt lúc"), _("Số phim"), _("Số lần phát tia"), "DLP (mGy·cm)",
        "DAP (Gy·cm²)", _("Chung lần chụp với số phiếu"),
    ]  # fmt: skip
    name = _("Sổ chẩn đoán hình ảnh")
    words = {kind: {key: str(word) for key, word in WORDS[kind].items()} for kind in _WORDED}
    return Wording(name, _title(name, period), columns, **words)


def register_sheets(period: Period, user: User) -> Iterator[Sheet]:
    yield register_sheet(period, register_wording(period), user)


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 1)


EXPORTS: Final[dict[str, Callable[[Period, User], Iterator[Sheet]]]] = {
    "overview": lambda period, _user: output_sheets(period),
    "turnaround": lambda period, _user: turnaround_sheets(period),
    "images": lambda period, _user: image_sheets(period),
    "register": register_sheets,
}
"""By the page whose table it is; only the register names patients."""
