"""What signing says to people: errors as sentences that tell what to do, findings of a check, names of boxes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

BOX_LABELS: dict[str, Text] = {
    "to_sign": _("Chờ tôi ký"),
    "under_way": _("Đang ký"),
    "failed": _("Ký lỗi"),
    "signed": _("Đã ký"),
}

_SENTENCES: dict[str, Text] = {
    "QUANG-1001": _("Hãy điền đủ các mục rồi thử lại."),
    "QUANG-1003": _("Việc này không còn làm được ở trạng thái hiện tại; hãy tải lại trang."),
    "QUANG-1005": _("Kết quả do chính người đã duyệt ký."),
    "QUANG-5501": _(
        "Chỉ ký kết quả chính thức đang có hiệu lực: bản này là sơ bộ, đã có bản mới hơn, đã ký hoặc đã thu hồi."
    ),
    "QUANG-5502": _("Khoá ký đang khoá: hãy nhập mật khẩu hoặc PIN để mở."),
    "QUANG-5503": _("Mật khẩu hoặc PIN không đúng. Thiết bị ký có thể bị khoá hẳn sau vài lần sai."),
    "QUANG-5504": _("Chứng thư đã hết hạn hoặc chưa có hiệu lực: hãy dùng chứng thư khác."),
    "QUANG-5505": _("Chứng thư đã bị thu hồi, hoặc nơi cấp không được bệnh viện tin cậy."),
    "QUANG-5506": _("Máy chủ cấp dấu thời gian hoặc kiểm tra thu hồi không trả lời; hệ thống tự thử lại."),
    "QUANG-5507": _("Không nối được thiết bị ký hoặc dịch vụ ký từ xa; hãy kiểm tra rồi thử lại."),
    "QUANG-5508": _("Mức chữ ký này cần địa chỉ máy chủ dấu thời gian và nơi cấp tin cậy; quản trị cần đặt trước."),
    "QUANG-5509": _("Không tìm thấy khoá và chứng thư dùng được trong tệp, thiết bị hoặc dịch vụ."),
    "QUANG-5511": _("Tệp này không đọc được như một PDF đã ký."),
    "QUANG-5512": _("Đang kiểm tra nhiều tệp khác; hãy thử lại sau giây lát."),
    "QUANG-6103": _("Bạn đã kiểm tra nhiều tệp trong phút này; hãy thử lại sau một phút."),
}
_OTHERWISE = _("Chưa ký được; hãy thử lại. Nếu vẫn lỗi, báo mã này cho phòng CNTT.")

TRUST: dict[str, Text] = {
    "TRUSTED": _("Nơi cấp chứng thư được tin cậy"),
    "UNKNOWN_AUTHORITY": _("Không rõ nơi cấp chứng thư"),
    "REVOKED": _("Chứng thư đã bị thu hồi"),
    "OUT_OF_DATE": _("Chứng thư không còn hạn lúc ký"),
}
SINCE: dict[str, Text] = {
    "NOTHING": _("Chữ ký phủ toàn bộ tệp; không có thay đổi nào sau khi ký"),
    "PROOFS_ADDED": _("Chữ ký phủ toàn bộ tài liệu; sau đó chỉ thêm bằng chứng để kiểm tra lâu dài"),
    "FILLED": _("Sau khi ký có thêm chữ ký hoặc ô điền được phép"),
    "CHANGED": _("Tài liệu đã bị sửa sau khi ký"),
}
STANDING: dict[str, Text] = {
    "IN_FORCE": _("Bản đang có hiệu lực trong sổ của bệnh viện."),
    "WITHDRAWN": _("Chữ ký này đã bị huỷ."),
    "SIGNED_AGAIN": _("Kết quả này đã được ký lại; hãy lấy tệp mới."),
    "CORRECTED": _("Kết quả này đã có bản mới hơn thay thế."),
    "RECALLED": _("Kết quả này đã bị thu hồi."),
    "UNKNOWN": _("Không có tệp đúng từng byte như vậy trong sổ của bệnh viện."),
}


def sentence_of(code: str) -> str:
    """What to tell of an error."""
    return f"{_SENTENCES.get(code, _OTHERWISE)} ({code})"
