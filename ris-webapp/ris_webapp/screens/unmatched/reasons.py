"""Why a study waits, as a sentence that says what a person should look at; names of the fields compared."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

SENTENCES: dict[str, Text] = {
    "NO_ACCESSION": _("Ảnh không mang số phiếu: kỹ thuật viên đã nhập tay, hoặc máy không lấy danh sách chụp."),
    "UNKNOWN_ACCESSION": _("Số phiếu trong ảnh không có trong hệ thống."),
    "NO_PATIENT_ID": _("Ảnh không mang mã bệnh nhân, nên chưa chắc là người bệnh của phiếu."),
    "NAME_DIFFERS": _("Đúng số phiếu, nhưng tên người bệnh trong ảnh khác hẳn tên trên phiếu."),
    "PATIENT_ID_SHARED": _("Mã bệnh nhân trong ảnh còn thuộc một người bệnh khác."),
    "SEVERAL_PROCEDURES": _("Phiếu có nhiều dịch vụ cùng loại máy; hãy chọn đúng dịch vụ."),
    "ACCESSION_AND_STUDY_UID_DISAGREE": _("Ảnh mang số phiếu của một ca và mã lần chụp của ca khác."),
    "ORDER_CANCELLED": _("Phiếu này đã bị huỷ."),
    "LINK_UNDONE": _("Đã gỡ khớp; hãy chọn phiếu đúng."),
    "PATIENT_ID_DIFFERS": _("Mã bệnh nhân trong ảnh khác mã trên phiếu."),
    "OTHER_PATIENT_HAS_ID": _("Mã bệnh nhân trong ảnh là của người bệnh khác, không phải người của phiếu."),
    "BIRTH_DATE_DIFFERS": _("Ngày sinh trong ảnh mâu thuẫn với phiếu."),
    "SEX_DIFFERS": _("Giới tính trong ảnh mâu thuẫn với phiếu."),
    "TWO_PATIENTS_ONE_STUDY_UID": _("Hai người bệnh nằm chung một mã lần chụp; hãy kiểm tra tại máy chụp."),
    "PATIENT_VARIES_IN_STUDY": _("Trong cùng một lần chụp có ảnh mang tên hai người bệnh."),
}

FIELDS: dict[str, Text] = {
    "AccessionNumber": _("Số phiếu"),
    "PatientID": _("Mã bệnh nhân"),
    "PatientName": _("Họ tên"),
    "PatientBirthDate": _("Ngày sinh"),
    "PatientSex": _("Giới tính"),
    "Modality": _("Loại máy"),
    "StudyInstanceUID": _("Mã lần chụp (UID)"),
}

VERDICTS: dict[str, Text] = {
    "EQUAL": _("Giống"),
    "SIMILAR": _("Gần giống"),
    "MISSING": _("Thiếu một bên"),
    "DIFFERENT": _("Khác nhau"),
    "CONTRADICTS": _("Mâu thuẫn"),
}


def sentence(reason: str) -> str:
    """The sentence for a code of :class:`ris_core.matching.rules.Reason`; the code itself if it has none."""
    return str(SENTENCES.get(reason, reason))
