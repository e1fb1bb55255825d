"""The words of the printed report, in Vietnamese and English."""

from __future__ import annotations

from typing import Any, Final

WORDS: Final[dict[str, dict[str, Any]]] = {
    "vi": {
        "title": "PHIẾU KẾT QUẢ CHẨN ĐOÁN HÌNH ẢNH",
        "phone": "Điện thoại",
        "scan": "Quét để xem ảnh",
        "preliminary": "KẾT QUẢ SƠ BỘ – chưa phải kết quả chính thức",
        "corrected": "KẾT QUẢ ĐÍNH CHÍNH – thay cho các bản trước",
        "draft": "BẢN NHÁP – chưa được duyệt, không dùng để điều trị",
        "statuses": {"D": "bản nháp", "P": "sơ bộ", "F": "chính thức", "C": "đính chính"},
        "version": "Bản số",
        "patient_name": "Họ và tên",
        "patient_id": "Mã bệnh nhân",
        "birth_date": "Ngày sinh",
        "sex": "Giới tính",
        "sexes": {"M": "Nam", "F": "Nữ", "O": "Khác", "": "Không rõ"},
        "ordered_by": "Bác sĩ chỉ định",
        "department": "Khoa/phòng",
        "accession_number": "Số phiếu",
        "observed_at": "Thực hiện lúc",
        "indication": "Chẩn đoán, lý do",
        "sections": {
            "technique": "Kỹ thuật",
            "findings": "Mô tả hình ảnh",
            "conclusion": "Kết luận",
            "recommendation": "Đề nghị",
        },
        "reader": "Bác sĩ đọc kết quả",
        "approved_electronically": "Đã duyệt trên hệ thống",
    },
    "en": {
        "title": "IMAGING REPORT",
        "phone": "Phone",
        "scan": "Scan to view the images",
        "preliminary": "PRELIMINARY REPORT – not yet final",
        "corrected": "CORRECTED REPORT – replaces earlier versions",
        "draft": "DRAFT – not approved, not for treatment",
        "statuses": {"D": "draft", "P": "preliminary", "F": "final", "C": "corrected"},
        "version": "Version",
        "patient_name": "Name",
        "patient_id": "Patient ID",
        "birth_date": "Date of birth",
        "sex": "Sex",
        "sexes": {"M": "Male", "F": "Female", "O": "Other", "": "Unknown"},
        "ordered_by": "Ordered by",
        "department": "Department",
        "accession_number": "Accession no.",
        "observed_at": "Performed at",
        "indication": "Indication",
        "sections": {
            "technique": "Technique",
            "findings": "Findings",
            "conclusion": "Impression",
            "recommendation": "Recommendation",
        },
        "reader": "Reported by",
        "approved_electronically": "Approved electronically",
    },
}
