"""What people read of teaching cases."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ris_core.teaching.models import CaseState
from ris_core.teaching.rules import Category
from ris_core.teaching.standing import Closed
from ris_core.teaching.traces import Kind
from ris_webapp.words import Text

CATEGORIES: Final[dict[str, Text]] = {
    Category.BREAST: _("Tuyến vú"),
    Category.CARDIAC: _("Tim"),
    Category.CHEST: _("Lồng ngực"),
    Category.EMERGENCY: _("Cấp cứu"),
    Category.GASTROINTESTINAL: _("Tiêu hoá, gan mật"),
    Category.GENITOURINARY: _("Tiết niệu, sinh dục"),
    Category.HEAD_AND_NECK: _("Đầu mặt cổ"),
    Category.INTERVENTIONAL: _("Can thiệp"),
    Category.MUSCULOSKELETAL: _("Cơ xương khớp"),
    Category.NEURORADIOLOGY: _("Thần kinh"),
    Category.NUCLEAR: _("Y học hạt nhân"),
    Category.OBSTETRICS: _("Sản khoa"),
    Category.PAEDIATRIC: _("Nhi khoa"),
    Category.VASCULAR: _("Mạch máu"),
    Category.OTHER: _("Khác"),
}

FIELDS: Final[dict[str, Text]] = {
    "title": _("Tiêu đề"),
    "history": _("Bệnh sử"),
    "findings": _("Mô tả hình ảnh"),
    "diagnosis": pgettext_lazy("teaching", "Chẩn đoán"),
    "discussion": _("Bàn luận"),
    "category": _("Chuyên ngành"),
    "body_part": _("Bộ phận"),
    "modality": _("Loại máy"),
    "tags": _("Từ khoá"),
}

STATES: Final[dict[str, tuple[Text, str]]] = {
    CaseState.DRAFT: (_("Bản nháp"), "waiting"),
    CaseState.OPEN: (_("Đang mở"), "ready"),
    CaseState.WITHDRAWN: (_("Đã rút"), "muted"),
}
"""Word and style."""

CLOSED: Final[dict[str, Text]] = {
    Closed.ANOTHER_PATIENT: _("Ca chụp đã sang người bệnh khác: ca này bị đóng. Hãy kiểm tra rồi rút hoặc xoá."),
    Closed.CONFIDENTIAL: _("Người bệnh nay thuộc diện bảo mật: ca này bị đóng."),
    Closed.OBJECTED: _(
        "Người bệnh đã yêu cầu xoá hoặc hạn chế dữ liệu: ca này bị đóng. "
        "Khi yêu cầu xoá được trả lời mà không bị từ chối thì ca mất hẳn."
    ),
    Closed.IMAGES_TAKEN: _(
        "Ảnh của ca chụp đã bị từ chối, chuyển đi hoặc đang xung đột từ khi làm ca này: ca bị đóng. "
        "Hãy kiểm tra rồi chọn lại ảnh."
    ),
    Closed.NAMED: _(
        "Ghi chú nay có thông tin của người bệnh (hồ sơ vừa đổi tên hoặc số): ca bị đóng. Hãy sửa ghi chú."
    ),
}
"""Why nobody else sees it, and what to do."""

KINDS: Final[dict[str, Text]] = {
    Kind.NAME: _("tên người bệnh"),
    Kind.NUMBER: _("mã, số phiếu hoặc số điện thoại"),
    Kind.BIRTH_DATE: _("ngày sinh"),
    Kind.ADDRESS: _("địa chỉ"),
}

PROBLEMS: Final[dict[str, Text]] = {
    "missing": _("Chưa nhập."),
    "long": _("Quá dài."),
    "unknown": _("Giá trị không có."),
    "images": _("Chọn ít nhất một ảnh tiêu biểu hoặc một loạt ảnh; ảnh phải còn trong kho."),
    "too_many": _("Quá nhiều hình: chọn ít loạt ảnh hơn."),
    "confidential": _("Không làm ca giảng dạy từ người bệnh thuộc diện bảo mật."),
    "objected": _("Không làm ca giảng dạy: người bệnh đã yêu cầu xoá hoặc hạn chế dữ liệu của mình."),
    "changed": _("Có người vừa sửa ca này. Xem kỹ lại từng hình rồi mở ca."),
    "version": _("Có người vừa sửa ca này. Chép lại phần của bạn rồi mở lại trang sửa."),
    "waiting": _("Hình chưa làm xong. Chờ một chút rồi mở ca."),
    "none_shown": _("Không hình nào của ca xem được. Hãy chọn ảnh khác."),
    "engine": _("Kho ảnh chưa trả lời. Hãy thử lại sau ít phút."),
}

NO_PICTURE: Final[dict[str, Text]] = {
    "NO_PICTURE": _("Không dựng được hình"),
    "GONE": _("Ảnh không còn trong kho hoặc không được phép xem"),
}
"""Beside the reasons of anonymous copies."""
