"""What people read of forms, states and refusals of exports."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ris_core.exports.models import ExportState, Form, Missing
from ris_webapp.words import Text

FORMS: Final[dict[str, tuple[Text, Text]]] = {
    Form.DICOM: (_("DICOM (ZIP)"), _("Tệp gốc kèm DICOMDIR, cho phần mềm DICOM khác.")),
    Form.DISC: (
        _("Đĩa CD/DVD (ISO)"),
        _("Kèm trình xem chạy ngay từ đĩa, không cần mạng hay cài đặt; ghi ra đĩa hoặc chép vào USB."),
    ),
    Form.JPEG: (_("Hình JPEG (ZIP)"), _("Nhỏ gọn, nén có mất dữ liệu; không dùng để chẩn đoán.")),
    Form.PNG: (_("Hình PNG (ZIP)"), _("Không nén mất dữ liệu, 8 bit theo cửa sổ của ảnh.")),
    Form.VIDEO: (_("Phim MP4 (ZIP)"), _("Mỗi loạt ảnh một phim.")),
    Form.TEACHING: (_("Ca giảng dạy (ZIP)"), _("Trang HTML, hình và DICOM ẩn danh.")),
    Form.SHEET: (_("Tờ hình thu nhỏ (PDF)"), _("Tối đa 24 hình mỗi lượt chụp, để in hoặc gửi kèm.")),
}
"""Name and what it is for."""

STATES: Final[dict[str, tuple[Text, str]]] = {
    ExportState.WAITING: (_("Chờ làm"), "waiting"),
    ExportState.MAKING: (_("Đang làm"), "waiting"),
    ExportState.READY: (_("Sẵn sàng"), "ready"),
    ExportState.FAILED: (_("Không làm được"), "emergency"),
    ExportState.CANCELLED: (_("Đã huỷ"), "muted"),
    ExportState.OVER: (_("Hết hạn giữ"), "muted"),
}
"""Word and style."""

MISSING: Final[dict[str, Text]] = {
    Missing.NOT_GIVEN: _("Kho ảnh không đưa được tệp"),
    Missing.GONE: _("Đã bị lấy khỏi kho trong lúc xuất"),
    Missing.UNREADABLE: _("Tệp không đọc được"),
    Missing.NOT_RENDERED: _("Không dựng được hết hình"),
    Missing.ONLY_AS_FILE: _("Có tệp DICOM, không có hình trong trình xem của đĩa"),
    Missing.NO_PICTURE: _("Không có hình, dạng xuất này chỉ có hình"),
}

_PROBLEMS: Final[dict[str, Text]] = {
    "QUANG-6401": _("Hãy chọn ít nhất một ca và một dạng xuất."),
    "QUANG-6402": _(
        "Có ca chưa có ảnh được phép xem: chưa có ảnh, đang xung đột người bệnh, đang được chuyển hoặc đã bị từ chối."
    ),
    "QUANG-6403": _("Không đủ chỗ: chọn ít ca hơn, hoặc xoá bản xuất cũ."),
    "QUANG-6404": _("Ảnh hoặc kết quả trong bản xuất này đã thay đổi, bị thu hồi hoặc bị lấy đi. Hãy xuất lại."),
    "QUANG-6405": _(
        "Có ca mà ảnh chưa sửa được theo chỉ định nên có thể mang tên người khác. Mở lần chụp và bấm “Thử lại”."
    ),
    "QUANG-6703": _("Ca giảng dạy không được mở lúc này: bản nháp, đã rút hoặc bị đóng."),
    "QUANG-1005": _("Tài khoản này không được xuất một trong các ca đã chọn."),
    "QUANG-6010": _("Tài khoản này không được xem một trong các ca đã chọn."),
    "QUANG-4001": _("Kho ảnh chưa trả lời. Hãy thử lại sau ít phút."),
}


def problem_words(code: str) -> Text:
    """A sentence that says what to do."""
    return _PROBLEMS.get(code, _("Không làm được bản xuất. Hãy thử lại; nếu vẫn vậy, báo bộ phận CNTT mã lỗi này."))
