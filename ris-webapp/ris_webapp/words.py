"""Words of the field for the domain's values, as screens show them; Vietnamese is the source, English in locale/en."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Text: TypeAlias = "str | _StrPromise"
"""A text of the screens: translated when it is shown, not when the module is loaded."""

WORDS: dict[str, dict[str, Text]] = {
    "exam_state": {
        "ORDERED": _("Đã chỉ định"),
        "IN_PROGRESS": _("Đang chụp"),
        "READY_TO_READ": _("Chờ đọc"),
        "CLAIMED": _("Đã nhận đọc"),
        "DRAFT": _("Đang viết"),
        "PRELIMINARY": _("Kết quả sơ bộ"),
        "FINAL": _("Đã duyệt"),
        "RETURNED": _("Đã trả"),
        "RECALLED": _("Thu hồi"),
        "CANCELLED": _("Đã huỷ"),
    },
    "priority": {
        "STAT": _("Cấp cứu"),
        "HIGH": _("Ưu tiên"),
        "ROUTINE": _("Thường"),
        "MEDIUM": _("Thường"),
        "LOW": _("Thấp"),
    },
    "sex": {"M": _("Nam"), "F": _("Nữ"), "O": _("Khác"), "": ""},
    "patient_class": {"E": _("Cấp cứu"), "I": _("Nội trú"), "O": _("Ngoại trú"), "": ""},
    "step_status": {
        "SCHEDULED": _("Đã xếp lịch"),
        "ARRIVED": _("Đã đến"),
        "READY": _("Sẵn sàng chụp"),
        "STARTED": _("Đang chụp"),
        "COMPLETED": _("Chụp xong"),
        "CANCELLED": _("Đã huỷ"),
        "DISCONTINUED": _("Dừng giữa chừng"),
    },
    "study_state": {
        "RECEIVING": _("Đang nhận ảnh"),
        "STABLE": _("Đã nhận đủ"),
        "LINKED": _("Đã khớp"),
        "READY_TO_READ": _("Chờ đọc"),
        "UNMATCHED": _("Chưa khớp"),
        "CONFLICT": _("Mâu thuẫn"),
        "REJECTED": _("Bị từ chối"),
    },
    "message_state": {
        "RECEIVED": _("Đã nhận"),
        "APPLIED": _("Đã thực hiện"),
        "REFUSED": _("Từ chối"),
        "HELD": _("Chờ người xử lý"),
    },
    "hl7_error": {
        "100": _("Thiếu đoạn hoặc sai thứ tự"),
        "101": _("Thiếu trường bắt buộc"),
        "102": _("Giá trị không hợp lệ"),
        "103": _("Mã không có trong danh mục"),
        "200": _("Loại bản tin không nhận ở đây"),
        "201": _("Sự kiện không nhận ở đây"),
        "203": _("Phiên bản HL7 không nhận ở đây"),
        "204": _("Không tìm thấy phiếu"),
        "205": _("Trùng số, hoặc là của người khác"),
        "206": _("Đã chụp, không sửa được nữa"),
        "207": _("Lỗi của hệ thống nhận"),
        "": "",
    },
    "resolution": {
        "SENT_AGAIN": _("Nơi gửi đã gửi lại"),
        "REPLAYED": _("Đã chạy lại"),
        "DISMISSED": _("Đã bỏ qua"),
    },
    "job_state": {
        "QUEUED": _("Đang đợi"),
        "RUNNING": _("Đang chạy"),
        "DONE": _("Xong"),
        "DEAD": _("Đã dừng"),
    },
    "action": {
        "message.viewed": _("Xem bản tin"),
        "message.replayed": _("Chạy lại bản tin"),
        "message.dismissed": _("Bỏ qua bản tin"),
        "message.dismissal_taken_back": _("Lấy lại bản tin đã bỏ qua"),
        "order.placed": _("Nhận chỉ định"),
        "order.changed": _("Sửa chỉ định"),
        "order.cancelled": _("Huỷ chỉ định"),
        "order.discontinued": _("Dừng giữa chừng"),
        "patient.updated": _("Sửa thông tin người bệnh"),
        "study.received": _("Ảnh bắt đầu về"),
        "study.linked": _("Khớp ảnh với chỉ định"),
        "study.link_undone": _("Gỡ khớp ảnh"),
        "study.unmatched": _("Ảnh chưa khớp phiếu"),
        "study.conflict": _("Ảnh mâu thuẫn với phiếu"),
        "study.gone": _("Máy chủ không còn ảnh"),
        "study.viewed": _("Xem ảnh chờ khớp"),
        "exam.viewed": _("Xem nhanh ca"),
        "exam.opened": _("Mở ca"),
        "images.opened": _("Mở ảnh"),
        "prior.opened": _("Mở lần chụp khác"),
        "launch.opened": _("HIS mở ảnh"),
        "result_link.opened": _("Mở ảnh từ phiếu kết quả"),
        "reading.claimed": _("Nhận đọc"),
        "reading.taken_over": _("Nhận đọc thay"),
        "reading.released": _("Trả lại, không đọc nữa"),
        "report.drafted": _("Lưu nháp"),
        "report.approved": _("Duyệt kết quả"),
        "report.opened_for_correction": _("Mở đính chính"),
        "report.stored": _("Lưu kết quả cùng ảnh"),
        "report.viewed": _("Xem kết quả"),
        "report.previewed": _("Xem bản in"),
        "report.history_viewed": _("Xem các bản kết quả"),
        "delivery.acknowledged": _("Nơi nhận đã xác nhận kết quả"),
        "delivery.failed": _("Gửi kết quả chưa được"),
        "delivery.dead": _("Gửi kết quả không được"),
        "delivery.replayed": _("Gửi lại kết quả"),
        "delivery.dismissed": _("Bỏ qua, không gửi kết quả"),
        "delivery.superseded": _("Bản mới thay bản chưa gửi"),
        "delivery.viewed": _("Xem bản tin kết quả"),
    },
    "delivery_state": {
        "QUEUED": _("Chờ gửi"),
        "SENDING": _("Đang gửi"),
        "RETRY": _("Sẽ gửi lại"),
        "ACKNOWLEDGED": _("Đã nhận"),
        "DEAD": _("Gửi không được"),
        "DISMISSED": _("Đã bỏ qua"),
        "SUPERSEDED": _("Đã có bản mới hơn"),
    },
    "version_status": {"P": _("Sơ bộ"), "F": _("Chính thức"), "C": _("Đính chính")},
    "role": {
        "RADIOLOGIST": _("Bác sĩ CĐHA"),
        "TECHNOLOGIST": _("Kỹ thuật viên"),
        "RECEPTION": _("Tiếp đón"),
        "CLINICIAN": _("Bác sĩ lâm sàng"),
        "ADMINISTRATOR": _("Quản trị"),
    },
}

STYLES: dict[str, dict[str, str]] = {
    "exam_state": {
        "IN_PROGRESS": "waiting",
        "READY_TO_READ": "ready",
        "CLAIMED": "working",
        "DRAFT": "working",
        "PRELIMINARY": "waiting",
        "FINAL": "final",
        "RETURNED": "final",
        "RECALLED": "recalled",
    },
    "step_status": {"STARTED": "waiting", "COMPLETED": "final", "ARRIVED": "ready", "READY": "ready"},
    "study_state": {
        "RECEIVING": "waiting",
        "LINKED": "ready",
        "READY_TO_READ": "ready",
        "UNMATCHED": "waiting",
        "CONFLICT": "emergency",
    },
    "message_state": {"APPLIED": "final", "REFUSED": "emergency", "HELD": "waiting"},
    "job_state": {"RUNNING": "waiting", "DONE": "final", "DEAD": "emergency"},
}
"""The colour of a state (``frontend/src/css/components.css``); a state that is not here is quiet."""
