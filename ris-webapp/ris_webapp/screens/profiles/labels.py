"""What the parts of a profile are called on the screen: the editor's form and the test bench's result."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

PLACES: dict[str, dict[str, Text]] = {
    "order": {
        "placer_order_number": _("Số chỉ định của HIS"),
        "filler_order_number": _("Số chỉ định của RIS"),
        "accession_number": _("Số phiếu (Accession Number)"),
        "requested_procedure_id": _("Mã yêu cầu (Requested Procedure ID)"),
        "study_instance_uid": _("Study Instance UID"),
        "service_code": _("Mã dịch vụ"),
        "service_name": _("Tên dịch vụ"),
        "coding_system": _("Hệ mã dịch vụ"),
        "procedure_code": _("Mã thủ thuật"),
        "procedure_name": _("Tên thủ thuật"),
        "procedure_coding_system": _("Hệ mã thủ thuật"),
        "modality": _("Loại máy"),
        "priority": _("Mức ưu tiên"),
        "scheduled_at": _("Giờ hẹn"),
        "ordered_at": _("Thời điểm chỉ định"),
        "requesting_physician": _("Bác sĩ chỉ định"),
        "referring_physician": _("Bác sĩ gửi bệnh (mã)"),
        "copies_to": _("Gửi thêm kết quả cho (mã)"),
        "requesting_department": _("Khoa chỉ định"),
        "clinical_indication": _("Chẩn đoán, lý do chụp"),
        "comments": _("Dặn dò kỹ thuật viên"),
        "order_control": _("Lệnh"),
        "order_status": _("Trạng thái phiếu"),
        "allergies": _("Dị ứng"),
        "pregnancy_status": _("Có thai"),
        "patient_weight": _("Cân nặng (kg)"),
        "patient_state": _("Tình trạng người bệnh"),
        "isolation": _("Cách ly"),
        "transport": _("Vận chuyển"),
    },
    "step": {
        "step_id": _("Mã bước chụp"),
        "modality": _("Loại máy của bước chụp"),
        "description": _("Mô tả bước chụp"),
        "room": _("Phòng"),
        "station": _("Máy (AE title)"),
    },
    "patient": {
        "name": _("Họ tên"),
        "birth_date": _("Ngày sinh"),
        "sex": _("Giới tính"),
        "phone": _("Điện thoại"),
        "address": _("Địa chỉ"),
    },
    "visit": {
        "visit_number": _("Số lượt khám"),
        "patient_class": _("Diện"),
        "ward": _("Khoa, giường"),
        "payment_state": _("Đã thanh toán chưa"),
    },
}
"""Fields with places, by part."""

PARTS: dict[str, Text] = {
    "order": _("Chỉ định"),
    "step": _("Bước chụp: phòng và máy"),
    "patient": _("Người bệnh"),
    "visit": _("Lượt khám"),
}

WORDS: dict[str, tuple[Text, Text]] = {
    "order_controls": (_("Lệnh"), _("thành mã ORC-1 của HL7: MOI = NW, HUY = CA")),
    "order_statuses": (_("Trạng thái phiếu"), _("thành mã ORC-5 của HL7: HUY = CA")),
    "priorities": (_("Mức ưu tiên"), _("thành STAT, HIGH, ROUTINE, MEDIUM hoặc LOW")),
    "modalities": (_("Loại máy"), _("thành mã DICOM: CLVT = CT")),
    "coding_systems": (_("Hệ mã dịch vụ"), _("thành tên hệ mã trong danh mục")),
    "rooms": (_("Phòng"), _("thành tên phòng ở đây")),
    "stations": (_("Máy hoặc phòng"), _("thành AE title của máy: P12 = CT2")),
    "departments": (_("Khoa"), _("thành tên khoa ở đây")),
    "pregnancy": (_("Có thai"), _("thành 1 không, 2 có thể, 3 có, 4 không rõ")),
    "identifier_kinds": (_("Loại giấy tờ"), _("thành MR, NI (CCCD) hoặc HC (BHYT)")),
    "issuers": (_("Nơi cấp mã"), _("thành tên nơi cấp ở đây")),
    "sexes": (_("Giới tính"), _("thành M, F hoặc O")),
    "patient_classes": (_("Diện"), _("thành E cấp cứu, I nội trú hoặc O ngoại trú")),
    "payment_states": (_("Thanh toán"), _("thành UNPAID chưa trả, PAID đã trả hoặc COVERED không phải trả trước")),
    "staff_accounts": (
        _("Mở tài khoản cho nhân viên (MFN)"),
        _("PHYSICIAN, TECHNOLOGIST, NURSE, OTHER thành mã vai trò; bỏ trống: không mở"),
    ),
}
"""Tables of words: their name, and what a word becomes."""

NAME_ORDERS: dict[str, Text] = {
    "as_hl7": _("Như HL7: họ, tên, đệm ở các thành phần; cả tên thì họ đứng đầu"),
    "family_first": _("Luôn là một cụm, họ đứng đầu"),
    "family_last": _("Luôn là một cụm, họ đứng cuối"),
}

RIGHTS: dict[str, tuple[Text, dict[str, Text]]] = {
    "queries": (
        _("Hỏi về chỉ định và người bệnh (OSQ, QRY, QBP)"),
        {"refused": _("Chỉ nơi gửi nào được cấp quyền riêng"), "answered": _("Mọi nơi gửi dùng hồ sơ này")},
    ),
    "contradicting_merges": (
        _("Gộp hai hồ sơ mâu thuẫn nhau (khác CCCD, hoặc khác cả ngày sinh và giới tính)"),
        {"held": _("Giữ lại để người xem xét"), "believed": _("Tin nơi gửi, gộp ngay")},
    ),
}
"""What senders with this profile may do: its name, and each choice; the first is the default."""

IDENTIFIERS: Text = _("Mã người bệnh, CCCD, thẻ BHYT")


_PLAIN: dict[str, Text] = {
    "description": _("Mô tả"),
    "message_types": _("Chỉ nhận loại bản tin"),
    "undeclared_charset": _("Bảng mã khi MSH-18 trống"),
    "patient.default_issuer": _("Nơi cấp mã khi bản tin không ghi"),
    "patient.name_order": _("Thứ tự họ tên"),
}


def label_of_path(path: str) -> str:
    """What a difference between two versions is about."""
    part, _dot, name = path.partition(".")
    if path in RIGHTS:
        return str(RIGHTS[path][0])
    if part == "words":
        table, _dot, word = name.partition(".")
        return f"{WORDS[table][0]}: {word}" if word else str(WORDS[table][0])
    if path in _PLAIN:
        return str(_PLAIN[path])
    return label_of(part, name) if part in PLACES else path


def label_of(part: str, name: str) -> str:
    """What a source of the test bench is called."""
    return str(IDENTIFIERS if name == "identifiers" else PLACES[part][name])
