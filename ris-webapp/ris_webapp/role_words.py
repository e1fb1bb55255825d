"""Roles and functions in the users' words; a role that this site has made is called as the site says."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ris_core.accounts.roles import roles_in_force
from ris_core.accounts.rules import Function
from ris_webapp.words import WORDS, Text

GIVEN_BY_ANOTHER: Final = _("Quyền xem hoặc quyết định chuyên môn cho chính mình do một quản trị viên khác cấp.")

FUNCTION_GROUPS: Final[tuple[tuple[Text, dict[Function, Text]], ...]] = (
    (
        _("Được xem"),
        {
            Function.VIEW_WORKLIST: _("Xem danh sách ca"),
            Function.VIEW_IMAGES: _("Xem ảnh"),
            Function.VIEW_REPORT: _("Xem kết quả đã duyệt"),
            Function.VIEW_REFERRED: _("Xem kết quả đã trả của ca ghi tên mình (bác sĩ gửi bệnh)"),
            Function.VIEW_PATIENTS: _("Mở hồ sơ người bệnh"),
            Function.VIEW_STATISTICS: _("Xem thống kê"),
            Function.VIEW_TEACHING: _("Xem ca giảng dạy (ẩn danh)"),
            Function.VIEW_CONFIDENTIAL: _("Xem người bệnh cần bảo mật"),
            Function.BREAK_GLASS: _("Mở khẩn cấp người bệnh ngoài phạm vi"),
        },
    ),
    (
        _("Đọc kết quả"),
        {
            Function.READ_EXAM: _("Nhận ca và soạn kết quả"),
            Function.APPROVE_PRELIMINARY: _("Duyệt sơ bộ"),
            Function.APPROVE_REPORT: _("Duyệt chính thức, duyệt bản sửa"),
            Function.APPROVE_RESIDENTS: _("Duyệt chính thức ca bác sĩ nội trú đã duyệt sơ bộ"),
            Function.OVERRIDE_READING: _("Nhận thay ca người khác đang giữ"),
            Function.SIGN_REPORT: _("Ký số kết quả mình đã duyệt"),
            Function.RECALL_REPORT: _("Thu hồi kết quả đã trả"),
            Function.FLAG_CRITICAL: _("Báo kết quả nguy cấp"),
            Function.ACKNOWLEDGE_CRITICAL: _("Xác nhận đã biết kết quả nguy cấp"),
            Function.REVIEW_PEERS: _("Bình duyệt kết quả của đồng nghiệp"),
            Function.MANAGE_PEER_REVIEWS: _("Đặt quy tắc bình duyệt và xem tổng hợp"),
            Function.MAKE_TEACHING: _("Soạn ca giảng dạy từ ca chụp, sửa ca mình soạn"),
            Function.MANAGE_TEACHING: _("Sửa, rút, xoá mọi ca giảng dạy và mở ca chụp gốc"),
            Function.MANAGE_TEMPLATES: _("Sửa mẫu kết quả, câu mẫu và mẫu in"),
        },
    ),
    (
        _("Chụp, chỉ định, hồ sơ"),
        {
            Function.RECORD_ACQUISITION: _("Ghi số phim, số lần phát tia và giờ chụp"),
            Function.RESOLVE_UNMATCHED: _("Khớp ảnh với phiếu"),
            Function.MANAGE_STUDIES: _("Tách, gộp, sửa, từ chối ảnh"),
            Function.MANAGE_ORDERS: _("Tạo, sửa, huỷ chỉ định"),
            Function.MANAGE_PATIENTS: _("Sửa hồ sơ người bệnh"),
            Function.MERGE_PATIENTS: _("Gộp hồ sơ, duyệt cập nhật bị giữ"),
            Function.IMPORT_IMAGES: _("Nhập ảnh từ ngoài, nhận người bệnh"),
            Function.EXPORT_EXAM: _("Xuất ảnh ra tệp, đĩa"),
            Function.SHARE_EXAM: _("Chia sẻ ca ra ngoài bằng liên kết"),
            Function.MANAGE_SHARES: _("Xem, gia hạn, thu hồi liên kết người khác đã chia sẻ"),
            Function.PRINT_PORTAL_SLIP: _("In, huỷ phiếu xem kết quả và xem việc dùng cổng người bệnh"),
            Function.DECIDE_FOR_PATIENT: _("Giữ lại hoặc cho người bệnh xem ngay một kết quả"),
            Function.RELEASE_RESULTS: _("Trả kết quả đang giữ vì chưa thanh toán"),
        },
    ),
    (
        _("Quản trị"),
        {
            Function.VIEW_DEVICES: _("Xem thiết bị"),
            Function.VIEW_MESSAGES: _("Xem bản tin HL7"),
            Function.MANAGE_MESSAGES: _("Xử lý bản tin HL7"),
            Function.MANAGE_DELIVERIES: _("Xử lý việc trả kết quả"),
            Function.VIEW_AUDIT: _("Xem nhật ký truy cập"),
            Function.ANSWER_DATA_REQUESTS: _("Giữ sổ yêu cầu về dữ liệu cá nhân, lập bản sao cho người bệnh"),
            Function.MANAGE_ACCOUNTS: _("Quản lý tài khoản, vai trò và khoá API"),
            Function.ADMINISTER: _("Cấu hình hệ thống, thiết bị và kết nối"),
        },
    ),
)
"""Every function, in the order in which the screen of roles shows them."""

FUNCTION_WORDS: Final[dict[str, Text]] = {
    function.value: text for _group, said in FUNCTION_GROUPS for function, text in said.items()
}


def role_name(code: str) -> str:
    """What a role is called: by this site, or in the ready set's words."""
    known = roles_in_force().get(code)
    return known.name if known and known.name else str(WORDS["role"].get(code, code))


def role_choices() -> list[tuple[str, str]]:
    """The roles that an account may get, with their names."""
    return [(role.code, role_name(role.code)) for role in roles_in_force().values() if role.active]
