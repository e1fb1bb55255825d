"""Words of the field for the domain's values, as screens show them; Vietnamese is the source, English in locale/en."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

WORDS: dict[str, dict[str, str]] = {
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
    "job_state": {
        "QUEUED": _("Đang đợi"),
        "RUNNING": _("Đang chạy"),
        "DONE": _("Xong"),
        "DEAD": _("Đã dừng"),
    },
    "role": {
        "RADIOLOGIST": _("Bác sĩ CĐHA"),
        "TECHNOLOGIST": _("Kỹ thuật viên"),
        "RECEPTION": _("Tiếp đón"),
        "CLINICIAN": _("Bác sĩ lâm sàng"),
        "ADMINISTRATOR": _("Quản trị"),
    },
}
