"""Words of patients, visits, orders and appointments.

Vietnamese is the source, English in locale/en.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from ris_webapp.words import Text

ORDER_WORDS: dict[str, dict[str, Text]] = {
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
    "identifier_kind": {"MR": _("Mã người bệnh"), "NI": _("CCCD"), "HC": _("Thẻ BHYT")},
    "patient_field": {
        "full_name": _("Họ tên"),
        "birth_date": _("Ngày sinh"),
        "sex": _("Giới tính"),
        "phone": _("Điện thoại"),
        "address": _("Địa chỉ"),
    },
    "order_field": {
        "service_code": _("dịch vụ"),
        "accession_number": _("số phiếu"),
        "priority": _("mức ưu tiên"),
        "scheduled_at": _("giờ hẹn"),
        "requesting_physician": _("bác sĩ chỉ định"),
        "practitioners": _("bác sĩ được ghi tên"),
        "requesting_department": _("khoa chỉ định"),
        "clinical_indication": _("lý do chụp"),
        "modality": _("loại máy"),
        "station_ae_title": _("máy"),
        "room": _("phòng"),
        "description": _("mô tả bước chụp"),
    },
    "visit_state": {
        "PRE_ADMITTED": _("Hẹn nhập viện"),
        "ADMITTED": _("Đang điều trị"),
        "REGISTERED": _("Đã đăng ký khám"),
        "DISCHARGED": _("Đã ra viện"),
        "CANCELLED": _("Đã huỷ"),
        "": "",
    },
    "oddity": {
        "CITIZEN_CARD_FORM": _("CCCD có 12 chữ số, bắt đầu bằng 0"),
        "CITIZEN_CARD_BIRTH_YEAR": _("năm sinh trong số CCCD khác ngày sinh"),
        "CITIZEN_CARD_SEX": _("giới tính trong số CCCD khác hồ sơ"),
        "INSURANCE_CARD_FORM": _("thẻ BHYT có 2 chữ và 13 số, hoặc 10 số"),
    },
    "body_region": {
        "HEAD": _("Sọ não"),
        "SINUS": _("Xoang"),
        "NECK": _("Vùng cổ"),
        "CHEST": _("Ngực, phổi"),
        "HEART": _("Tim"),
        "BREAST": _("Vú"),
        "ABDOMEN": _("Bụng"),
        "PELVIS": _("Khung chậu"),
        "OBSTETRIC": _("Thai"),
        "CSPINE": _("Cột sống cổ"),
        "TSPINE": _("Cột sống ngực"),
        "LSPINE": _("Cột sống thắt lưng"),
        "SHOULDER": _("Khớp vai"),
        "ARM": _("Cánh tay, cẳng tay"),
        "HAND": _("Bàn tay, cổ tay"),
        "HIP": _("Khớp háng"),
        "LEG": _("Đùi, cẳng chân"),
        "KNEE": _("Khớp gối"),
        "FOOT": _("Bàn chân, cổ chân"),
    },
    "patient_class": {"E": _("Cấp cứu"), "I": _("Nội trú"), "O": _("Ngoại trú"), "": ""},
    "appointment_status": {
        "BOOKED": _("Đã hẹn"),
        "ARRIVED": _("Đã đến"),
        "CANCELLED": _("Đã huỷ"),
        "NO_SHOW": _("Không đến"),
    },
    "pregnancy_status": {"1": _("Không"), "2": _("Có thể"), "3": _("Có"), "4": _("Không rõ")},
    "entry_kind": {"service": _("Dịch vụ"), "department": _("Khoa"), "room": _("Phòng"), "staff": _("Nhân viên")},
    "staff_kind": {
        "PHYSICIAN": _("Bác sĩ"),
        "TECHNOLOGIST": _("Kỹ thuật viên"),
        "NURSE": _("Điều dưỡng"),
        "OTHER": _("Khác"),
    },
    "step_status": {
        "SCHEDULED": _("Đã xếp lịch"),
        "ARRIVED": _("Đã đến"),
        "READY": _("Sẵn sàng chụp"),
        "STARTED": _("Đang chụp"),
        "COMPLETED": _("Chụp xong"),
        "CANCELLED": _("Đã huỷ"),
        "DISCONTINUED": _("Dừng giữa chừng"),
    },
    "payment_state": {
        "": _("Chưa rõ"),
        "UNPAID": _("Chưa thanh toán"),
        "PAID": _("Đã thanh toán"),
        "COVERED": _("Không phải trả trước"),
    },
}
