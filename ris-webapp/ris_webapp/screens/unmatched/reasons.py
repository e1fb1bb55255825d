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
    "CANDIDATE_REJECTED": _("Có người đã loại phiếu mà ảnh nêu; hãy chọn phiếu đúng."),
    "SEVERAL_KEYS": _("Ảnh mang mã quét của nhiều phiếu."),
    "KEY_AND_ACCESSION_DISAGREE": _("Mã quét và số phiếu trong ảnh là của hai ca khác nhau."),
    "KEY_WITHOUT_SUPPORT": _("Có mã quét, nhưng không có gì khác xác nhận người bệnh hay buổi chụp."),
    "SEVERAL_CANDIDATES": _("Nhiều phiếu giống nhau gần như bằng nhau; máy không tự chọn."),
    "LIKELY_CANDIDATE": _("Có phiếu rất có thể đúng, nhưng chưa đủ chắc để tự khớp."),
    "BIRTH_DATE_SWAPPED": _("Ngày và tháng sinh có vẻ bị đảo; hãy xác nhận người bệnh."),
    "PATIENT_ID_DIFFERS": _("Mã bệnh nhân trong ảnh khác mã trên phiếu."),
    "OTHER_PATIENT_HAS_ID": _("Mã bệnh nhân trong ảnh là của người bệnh khác, không phải người của phiếu."),
    "BIRTH_DATE_DIFFERS": _("Ngày sinh trong ảnh mâu thuẫn với phiếu."),
    "SEX_DIFFERS": _("Giới tính trong ảnh mâu thuẫn với phiếu."),
    "TWO_PATIENTS_ONE_STUDY_UID": _("Hai người bệnh nằm chung một mã lần chụp; hãy kiểm tra tại máy chụp."),
    "PATIENT_VARIES_IN_STUDY": _("Trong cùng một lần chụp có ảnh mang tên hai người bệnh."),
}

FIELDS: dict[str, Text] = {
    "ExamKey": _("Mã quét"),
    "AccessionNumber": _("Số phiếu"),
    "PatientID": _("Mã bệnh nhân"),
    "PatientName": _("Họ tên"),
    "PatientBirthDate": _("Ngày sinh"),
    "PatientSex": _("Giới tính"),
    "Modality": _("Loại máy"),
    "StudyInstanceUID": _("Mã lần chụp (UID)"),
    "Device": _("Máy, phòng"),
    "BodyPart": _("Vùng chụp"),
    "Time": _("Giờ"),
    "State": _("Trạng thái"),
}

NUANCES: dict[str, Text] = {
    "FORMAT": _("Cùng số, khác cách viết"),
    "ELSEWHERE": _("Ghi ở ô khác"),
    "TYPING_ERROR": _("Sai một ký tự"),
    "PARTIAL": _("Chỉ một phần"),
    "SWAPPED": _("Đảo ngày tháng"),
    "ROOM": _("Máy khác cùng phòng"),
    "NEAR": _("Gần giờ hẹn"),
    "SAME_DAY": _("Cùng ngày"),
    "SAME_WEEK": _("Cùng tuần"),
}
"""How two values resemble each other, where the verdict alone says too little."""

ODDITIES: dict[str, tuple[Text, Text]] = {
    "WRONG_CLOCK": (_("Sai ngày giờ"), _("Ngày chụp ghi trong ảnh không phải ngày ảnh về; hãy chỉnh đồng hồ của máy.")),
    "UNKNOWN_DEVICE": (_("Máy lạ"), _("Máy gửi ảnh chưa có trong danh sách thiết bị.")),
    "AGE_CONTRADICTS": (_("Tuổi không khớp"), _("Tuổi và ngày sinh trong ảnh không thể cùng đúng.")),
    "SEX_CONTRADICTS_EXAM": (_("Giới tính không khớp"), _("Loại chụp này không dành cho giới tính ghi trong ảnh.")),
    "SAME_UID_TWICE": (_("Trùng mã lần chụp"), _("Một lần chụp khác ở đây mang cùng mã (UID) với người bệnh khác.")),
    "SAME_ACCESSION_TWO_PATIENTS": (_("Trùng số phiếu"), _("Ảnh của một người bệnh khác cũng mang số phiếu này.")),
}
"""What is odd about a study: a word for the chip, a sentence for who wants to know."""

VERDICTS: dict[str, Text] = {
    "EQUAL": _("Giống"),
    "SIMILAR": _("Gần giống"),
    "MISSING": _("Thiếu một bên"),
    "DIFFERENT": _("Khác nhau"),
    "CONTRADICTS": _("Mâu thuẫn"),
}


def sentence(reason: str) -> str:
    """The sentence for a code of :class:`ris_core.matching.reasons.Reason`; the code itself if it has none."""
    return str(SENTENCES.get(reason, reason))


def finding(verdict: str, nuance: str) -> str:
    """What a comparison found, in the user's words."""
    return str(NUANCES.get(nuance) or VERDICTS.get(verdict, verdict))
