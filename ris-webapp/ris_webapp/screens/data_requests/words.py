"""Words of the register of what patients ask about their data."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

KINDS: dict[str, Text] = {
    "ACCESS": _("Xem, nhận bản sao dữ liệu"),
    "CORRECTION": _("Chỉnh sửa dữ liệu"),
    "ERASURE": _("Xoá dữ liệu"),
    "RESTRICTION": _("Hạn chế, phản đối xử lý"),
    "WITHDRAWAL": _("Rút lại sự đồng ý"),
    "COMPLAINT": _("Khiếu nại"),
}
ASKED_BY: dict[str, Text] = {
    "SELF": _("Chính người bệnh"),
    "GUARDIAN": _("Cha mẹ, người giám hộ"),
    "REPRESENTATIVE": _("Người được uỷ quyền"),
}
PROOFS: dict[str, Text] = {
    "IDENTITY_CARD": _("Căn cước, CCCD"),
    "VNEID": _("VNeID"),
    "PASSPORT": _("Hộ chiếu"),
    "BIRTH_CERTIFICATE": _("Giấy khai sinh"),
    "POWER_OF_ATTORNEY": _("Giấy uỷ quyền"),
    "KNOWN": _("Bệnh viện đã biết mặt hoặc số điện thoại"),
}
DECISIONS: dict[str, Text] = {
    "GRANTED": _("Đồng ý"),
    "PARTLY": _("Đồng ý một phần"),
    "REFUSED": _("Từ chối"),
}
KEPT_BY: dict[str, Text] = {
    "RECORD_TERM": _("Hồ sơ bệnh án còn trong thời hạn lưu trữ (Luật 15/2023/QH15)"),
    "AUDIT_TRAIL": _("Nhật ký ai đã xem phải còn nguyên (Luật 91/2025/QH15)"),
    "LEGAL_CLAIM": _("Cơ quan nhà nước, toà án hoặc tranh chấp đang cần"),
    "RIGHTS_OF_OTHERS": _("Cũng là dữ liệu của người khác"),
    "NOT_PROVED": _("Chưa chứng minh được là người có quyền yêu cầu"),
    "NOT_KEPT": _("Ở đây không có dữ liệu này"),
}
STATES: dict[str, Text] = {
    "open": _("Chưa trả lời"),
    "overdue": _("Quá hạn"),
    "answered": _("Đã trả lời"),
    "all": _("Tất cả"),
}
WHAT_TO_DO: dict[str, Text] = {
    "asker": _("Ghi họ tên người yêu cầu, tối đa 255 chữ."),
    "wanted": _("Ghi người bệnh yêu cầu điều gì, tối đa 2000 chữ."),
    "received_on": _("Ghi ngày nhận, không sau hôm nay và trong vòng một năm."),
    "kept_by": _("Từ chối dù chỉ một phần thì phải chọn quy định."),
    "reason": _("Từ chối dù chỉ một phần thì phải ghi lý do, tối đa 1000 chữ."),
    "done": _("Ghi đã làm gì, tối đa 2000 chữ."),
    "answered_on": _("Ghi ngày trả lời, từ ngày nhận đến hôm nay."),
}
CHOOSE: Text = _("Hãy chọn một.")
