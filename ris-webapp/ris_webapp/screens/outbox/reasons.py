"""Why something has not been delivered, in a sentence that says what to do."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from ris_core.outbox.entries import OutboxEntry, OutboxState

_CODED = re.compile(r"(QUANG-\d{4}) (.*)", re.DOTALL)
_ANSWERED = re.compile(r"the receiver answered (\w{1,8})(?:: (.*))?", re.DOTALL)


def error_code(delivery: OutboxEntry) -> str:
    """The stable code of the last failure, for IT; empty when there was none."""
    match = _CODED.match(delivery.last_error)
    return match[1] if match else ""


def reason(delivery: OutboxEntry) -> str:
    """Where the delivery stands, in the user's words."""
    match delivery.state:
        case OutboxState.ACKNOWLEDGED:
            return _("Nơi nhận đã xác nhận.")
        case OutboxState.SUPERSEDED:
            return _("Không gửi: bản mới hơn đã thay trước khi nơi nhận thấy bản này.")
        case OutboxState.DISMISSED:
            return _("Đã bỏ qua: %(reason)s") % {"reason": delivery.dismissed_reason}
        case OutboxState.SENDING:
            return _("Đang gửi.")
    if not delivery.last_error:
        return _("Đang đợi đến lượt gửi.")
    return failure(delivery.last_error)


def failure(last_error: str) -> str:
    """What went wrong, in a sentence that says what to do: of a code and its words."""
    match = _CODED.match(last_error)
    code, detail = (match[1], match[2]) if match else ("", last_error)
    match code:
        case "QUANG-5101":
            return _("Không nối được tới nơi nhận: kiểm tra máy nhận có chạy không, địa chỉ và cổng.")
        case "QUANG-5102":
            return _("Nơi nhận đang tắt: bật lại trong danh mục, hoặc bỏ qua kết quả này.")
        case "QUANG-5302":
            return _("Nơi nhận không trả lời đúng hạn hoặc ngắt giữa chừng; có thể đã nhận mà chưa xác nhận.")
        case "QUANG-5103":
            return _answered(detail)
        case "QUANG-7004":
            return _("Nơi nhận không trả lời đúng hạn hoặc ngắt giữa chừng; có thể đã nhận mà chưa xác nhận.")
        case "QUANG-5104":
            return _("Nơi nhận trả lời sai khung MLLP hoặc quá dài.")
        case _:
            return _("Lỗi khi tạo hoặc gửi kết quả; báo mã lỗi cho phòng CNTT.")


def _answered(detail: str) -> str:
    match = _ANSWERED.match(detail)
    if match is None:
        return _("Nơi nhận trả lời không phải bản tin xác nhận HL7 của kết quả này.")
    code, text = match[1], match[2] or ""
    sentences = {
        "AE": _("Nơi nhận báo lỗi xử lý (AE)"),
        "CE": _("Nơi nhận báo lỗi xử lý (CE)"),
        "AR": _("Nơi nhận từ chối bản tin (AR)"),
        "CR": _("Nơi nhận từ chối bản tin (CR)"),
    }
    sentence = sentences.get(code, _("Nơi nhận trả lời mã lạ %(code)s") % {"code": code})
    return f"{sentence}: {text}" if text else f"{sentence}."
