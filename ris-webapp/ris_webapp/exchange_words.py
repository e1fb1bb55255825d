"""Words of what is exchanged with other systems: messages, reports of devices, results and notifications sent.

Vietnamese is the source, English in locale/en.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from ris_webapp.words import Text

EXCHANGE_WORDS: dict[str, dict[str, Text]] = {
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
    "report_refused": {
        "QUANG-4200": _("Lỗi của phần mềm này: báo mã lỗi cho phòng CNTT, rồi chạy lại."),
        "QUANG-4201": _("Một giá trị sai chuẩn: sửa cấu hình máy; nếu máy không sửa được thì bỏ qua."),
        "QUANG-4202": _("Máy dùng lại một UID đã có: bỏ qua nếu là báo cáo cũ; nếu không, báo hãng máy."),
        "QUANG-4203": _(
            "Chưa có báo cáo bắt đầu của bước này: chạy lại báo cáo bắt đầu (N-CREATE) trước, rồi chạy lại báo cáo này."
        ),
        "QUANG-4204": _("Máy không gửi UID hợp lệ của bước: báo hãng máy; chỉ có thể bỏ qua."),
        "QUANG-4205": _("Máy thiếu một mục bắt buộc: sửa cấu hình máy rồi để máy gửi lại, hoặc bỏ qua."),
        "QUANG-4206": _("Máy để trống một mục bắt buộc: sửa cấu hình máy rồi để máy gửi lại, hoặc bỏ qua."),
        "QUANG-4207": _("Bước này đã kết thúc và không sửa được nữa (PS3.4 F.7.2.2): đối chiếu rồi bỏ qua."),
        "QUANG-4208": _("Máy chưa đăng ký hoặc đã ngừng: thêm máy ở trang Thiết bị, rồi chạy lại."),
        "QUANG-4209": _(
            "Báo cáo quá lớn nên không giữ nội dung: tăng giới hạn mpps.max_dataset_bytes rồi để máy gửi lại."
        ),
        "QUANG-4210": _("Một máy khác đã bắt đầu bước này: cho hai máy vào cùng nhóm ở trang Thiết bị, rồi chạy lại."),
    },
    "report_operation": {"N-CREATE": _("Máy báo bắt đầu"), "N-SET": _("Máy báo tiếp, kết thúc")},
    "resolution": {
        "SENT_AGAIN": _("Nơi gửi đã gửi lại"),
        "REPLAYED": _("Đã chạy lại"),
        "DISMISSED": _("Đã bỏ qua"),
        "ANSWERED": _("Đã trả lời ngay cho phần mềm gửi"),
    },
    "scope": {
        "orders:write": _("Gửi, sửa, huỷ chỉ định"),
        "orders:read": _("Xem chỉ định"),
        "patients:write": _("Ghi người bệnh"),
        "patients:read": _("Xem người bệnh"),
        "reports:read": _("Lấy kết quả"),
        "devices:read": _("Xem thiết bị"),
        "audit:read": _("Xem nhật ký truy cập"),
        "accounts:manage": _("Đồng bộ tài khoản (SCIM)"),
    },
    "transport": {
        "HL7_STATUS": _("HL7 trạng thái phiếu"),
        "INSTANCE_AVAILABILITY": _("DICOM IAN"),
        "MPPS": _("DICOM MPPS"),
        "WEBHOOK": _("Webhook"),
        "EMAIL": _("E-mail"),
    },
    "notification_event": {
        "exam.scheduled": _("Ca đã xếp lịch"),
        "exam.changed": _("Chỉ định thay đổi"),
        "exam.cancelled": _("Ca bị huỷ"),
        "exam.started": _("Bắt đầu chụp"),
        "exam.completed": _("Chụp xong"),
        "exam.discontinued": _("Dừng giữa chừng"),
        "exam.images_available": _("Ảnh đã có"),
        "exam.ready_to_read": _("Sẵn sàng đọc"),
        "report.preliminary": _("Kết quả sơ bộ"),
        "report.final": _("Kết quả đã duyệt"),
        "report.corrected": _("Kết quả đã sửa"),
        "report.recalled": _("Kết quả thu hồi"),
        "report.signed": _("Kết quả đã ký số"),
        "report.signature_withdrawn": _("Chữ ký số bị huỷ"),
        "critical.flagged": _("Kết quả nguy cấp"),
        "critical.escalated": _("Kết quả nguy cấp quá hạn xác nhận"),
        "critical.acknowledged": _("Kết quả nguy cấp đã xác nhận"),
        "mpps.received": _("Báo cáo của máy (MPPS)"),
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
    "first_status": {
        "P": _("Sơ bộ, chính thức, đính chính, thu hồi"),
        "F": _("Chính thức, đính chính, thu hồi"),
        "C": _("Đính chính và thu hồi"),
    },
    "result_part": {
        "sections": _("Từng phần (FT)"),
        "whole_text": _("Toàn văn một đoạn (FT)"),
        "studies": _("Mã nghiên cứu DICOM (ST)"),
        "link": _("Đường dẫn xem ảnh (RP)"),
        "pdf": _("Phiếu PDF (ED)"),
        "signed_xml": _("Kết quả XML đã ký (ED)"),
        "cda": _("Tài liệu CDA R2 (ED)"),
        "images": _("Ảnh chính JPEG (ED)"),
        "image_links": _("Đường dẫn ảnh chính (RP)"),
    },
    "recalled_as": {"W": _("W: đã gửi nhầm"), "D": _("D: xoá")},
    "newer_document": {"T10": _("T10: thay thế"), "T08": _("T08: sửa"), "T06": _("T06: phụ lục")},
    "result_state": {"P": _("Sơ bộ"), "F": _("Chính thức"), "C": _("Đính chính"), "R": _("Thu hồi")},
    "result_format": {
        "ORU": _("HL7 kết quả (ORU)"),
        "MDM": _("HL7 tài liệu (MDM)"),
        "FHIR": _("FHIR R4"),
        "CALLBACK": _("Gọi lại REST"),
    },
}
