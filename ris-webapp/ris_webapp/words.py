"""Words of the field for the domain's values, as screens show them; Vietnamese is the source, English in locale/en."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import gettext_lazy as _

from ris_webapp.audit_words import ACTIONS
from ris_webapp.exchange_words import EXCHANGE_WORDS
from ris_webapp.image_words import IMAGE_WORDS
from ris_webapp.order_words import ORDER_WORDS
from ris_webapp.report_words import REPORT_WORDS

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Text: TypeAlias = "str | _StrPromise"
"""A text of the screens: translated when it is shown, not when the module is loaded."""

WORDS: dict[str, dict[str, Text]] = {
    **ORDER_WORDS,
    **IMAGE_WORDS,
    **REPORT_WORDS,
    **EXCHANGE_WORDS,
    "job_state": {
        "QUEUED": _("Đang đợi"),
        "RUNNING": _("Đang chạy"),
        "DONE": _("Xong"),
        "DEAD": _("Đã dừng"),
    },
    "job_kind": {
        "render_document": _("Làm PDF của kết quả"),
        "store_document": _("Lưu PDF vào lần chụp"),
        "arrange_report": _("Cập nhật kết quả nằm trong lần chụp"),
        "forget_draft_states": _("Xoá các bản nháp cũ đã quá hạn"),
        "settle_urgency": _("Xếp lại ca theo thời hạn đọc mới"),
        "scan_import": _("Kiểm tra ảnh ngoài vừa tải lên"),
        "store_import": _("Lưu ảnh ngoài vào kho"),
        "forget_imports": _("Bỏ ảnh ngoài để quá lâu"),
        "make_teaching_pictures": _("Làm hình ẩn danh cho ca giảng dạy"),
        "make_export": _("Làm tệp hoặc đĩa ảnh xuất ra"),
        "forget_exports": _("Xoá tệp ảnh xuất đã quá hạn"),
        "export_register": _("Viết sổ chẩn đoán hình ảnh ra Excel"),
        "forget_register_exports": _("Xoá sổ Excel đã quá hạn"),
        "read_dose": _("Đọc liều tia của ca"),
        "sign_report": _("Ký số kết quả"),
        "store_signed_report": _("Lưu bản đã ký vào lần chụp"),
        "forget_unlocked": _("Khoá lại chứng thư đã mở"),
        "store_key_object": _("Lưu ảnh tiêu biểu vào lần chụp"),
        "deliver": _("Gửi kết quả cho nơi nhận"),
        "notify": _("Gửi thông báo cho nơi nhận"),
        "copy_for_share": _("Tạo bản sao ẩn danh"),
        "remove_share_copies": _("Xoá bản sao ẩn danh"),
        "remove_ended_copies": _("Dọn bản sao của chia sẻ đã hết"),
        "tell_share": _("Gửi đường dẫn hoặc mã chia sẻ"),
        "tell_referrer": _("Báo bác sĩ gửi bệnh có kết quả mới"),
        "send_portal_code": _("Gửi mã xem kết quả cho người bệnh"),
        "forget_ended_grants": _("Dọn quyền xem đã hết"),
        "study_arrived": _("Ghi nhận ảnh mới đến"),
        "study_keeps_arriving": _("Ghi nhận ảnh mới đến"),
        "study_stable": _("Khớp ảnh với phiếu"),
        "compare_images": _("So người bệnh trên từng ảnh"),
        "check_images": _("Kiểm tra đủ ảnh"),
        "correct_study": _("Sửa thông tin trong ảnh"),
        "tell_of_kept_copy": _("Báo ảnh trùng UID"),
        "keep_rejection_note": _("Lưu ghi chú từ chối ảnh"),
        "sweep_studies": _("Đối chiếu Orthanc với cơ sở dữ liệu"),
        "escalate_critical": _("Nhắc kết quả nguy cấp"),
        "release_idle_readings": _("Trả lại ca giữ lâu không làm"),
        "purge_changes": _("Dọn tin cập nhật màn hình đã cũ"),
        "purge_done_jobs": _("Dọn việc đã xong"),
        "look_up_directories": _("Tra lại tài khoản trong danh bạ"),
        "reseal": _("Mã hoá lại bằng khoá mới"),
        "backup": _("Sao lưu định kỳ"),
        "seal_audit": _("Niêm phong nhật ký truy cập"),
        "export_audit": _("Ghi nhật ký truy cập ra tệp"),
        "forward_audit": _("Gửi nhật ký truy cập tới máy chủ syslog"),
        "watch_audit": _("Tìm điều lạ trong nhật ký truy cập"),
    },
    "action": ACTIONS,
    "portal_state": {
        "SCHEDULED": _("Đã hẹn chụp"),
        "READING": _("Đang đọc kết quả"),
        "LATER": _("Sắp xem được"),
        "AT_HOSPITAL": _("Nhận tại bệnh viện"),
        "UNPAID": _("Chờ thanh toán"),
        "CORRECTING": _("Đang đính chính"),
        "READY": _("Đã có kết quả"),
    },
    "portal_advice": {
        "SCHEDULED": _("Ca chụp chưa làm. Hãy đến đúng giờ hẹn."),
        "READING": _("Đã chụp. Bác sĩ đang đọc và duyệt kết quả."),
        "LATER": _("Kết quả đã có và sẽ mở cho bạn."),
        "AT_HOSPITAL": _("Kết quả này do bác sĩ trao đổi trực tiếp. Hãy liên hệ khoa hoặc bác sĩ đã chỉ định."),
        "UNPAID": _("Kết quả mở sau khi thanh toán. Hãy hỏi quầy thu ngân."),
        "CORRECTING": _("Kết quả đã thu hồi để đính chính. Không dùng bản cũ; bản mới sẽ hiện ở đây."),
        "READY": _("Kết quả đã được bác sĩ duyệt."),
    },
    "release_when": {
        "FINAL": _("Khi bác sĩ duyệt chính thức"),
        "SIGNED": _("Khi đã ký số"),
        "RETURNED": _("Khi đã trả về HIS"),
        "NEVER": _("Không bao giờ (trả trực tiếp)"),
    },
    "share_state": {
        "OPEN": _("Đang mở"),
        "OVER": _("Hết hạn"),
        "USED_UP": _("Hết lượt mở"),
        "REVOKED": _("Đã thu hồi"),
    },
    "share_withheld": {
        "ANOTHER_PATIENT": _("Bị giữ lại: ca này nay là của người bệnh khác."),
        "CONFIDENTIAL": _("Bị giữ lại: người bệnh nay cần bảo mật."),
    },
    "copying_state": {
        "COPYING": _("Đang tạo bản sao"),
        "READY": _("Bản sao đã sẵn sàng"),
        "FAILED": _("Không tạo được bản sao"),
        "REMOVED": _("Bản sao đã xoá"),
    },
    "copied": {
        "COPIED": _("Không có chữ trên ảnh loại này"),
        "LOOKED_AT": _("Đã tìm, không thấy chữ"),
        "CLEANED": _("Đã xoá chữ"),
    },
    "withheld": {
        "DOCUMENT": _("Tài liệu (PDF, CDA, mô hình)"),
        "REPORT": _("Báo cáo có cấu trúc, danh sách ảnh chọn"),
        "PRESENTATION": _("Trạng thái hiển thị có ghi chú"),
        "WAVEFORM": _("Điện tim, âm thanh"),
        "VIDEO": _("Video"),
        "TREATMENT": _("Kế hoạch xạ trị"),
        "UNKNOWN_KIND": _("Loại đối tượng không làm sạch được"),
        "BURNED_IN_TEXT": _("Có thể còn chữ trên ảnh"),
        "OVERLAY_IN_PIXELS": _("Lớp phủ nằm trong điểm ảnh"),
        "UNREADABLE": _("Không đọc được"),
    },
    "share_lock": {
        "NONE": _("Không khoá thêm"),
        "PASSWORD": _("Mật khẩu"),
        "CODE": _("Mã một lần"),
    },
    "role": {
        "RESIDENT": _("Bác sĩ nội trú"),
        "RADIOLOGIST": _("Bác sĩ CĐHA"),
        "SENIOR": _("Bác sĩ trưởng nhóm"),
        "SECRETARY": _("Thư ký y khoa"),
        "TECHNOLOGIST": _("Kỹ thuật viên"),
        "RECEPTION": _("Tiếp đón"),
        "CLINICIAN": _("Bác sĩ lâm sàng"),
        "REFERRER": _("Bác sĩ gửi bệnh"),
        "AUDITOR": _("Kiểm soát truy cập"),
        "IT": _("Công nghệ thông tin"),
        "ADMINISTRATOR": _("Quản trị"),
    },
}
