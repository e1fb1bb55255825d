"""Pages for people from outside: short, without the shell, and without a word about whose data was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a code means to whoever opened the address: status, title, what to do."""

    status: int
    title: _StrPromise
    advice: _StrPromise


REFUSALS: dict[str, Refusal] = {
    "QUANG-3101": Refusal(
        403,
        _("Đường dẫn không đúng"),
        _("Hãy mở lại từ phiếu kết quả trên HIS; nếu chép tay, kiểm tra đã chép đủ cả đường dẫn."),
    ),
    "QUANG-3102": Refusal(
        410,
        _("Đường dẫn đã hết hạn"),
        _("Hãy mở ảnh từ hồ sơ người bệnh trên HIS, hoặc nhờ khoa Chẩn đoán hình ảnh gửi lại kết quả."),
    ),
    "QUANG-3103": Refusal(
        410,
        _("Kết quả này hiện không mở được"),
        _("Kết quả đã bị thu hồi hoặc đang được đối chiếu lại. Hãy gọi khoa Chẩn đoán hình ảnh."),
    ),
    "QUANG-3104": Refusal(429, _("Thử quá nhiều lần"), _("Hãy đợi 10 phút rồi mở lại từ phiếu kết quả trên HIS.")),
    "QUANG-3105": Refusal(
        403,
        _("HIS chưa được phép mở ảnh"),
        _("Chữ ký của HIS không đúng hoặc đã quá hạn. Hãy mở lại từ HIS; nếu vẫn lỗi, báo mã này cho phòng CNTT."),
    ),
    "QUANG-3106": Refusal(
        403, _("Đường dẫn này đã được dùng"), _("Mỗi lần mở cần một đường dẫn mới: hãy mở lại từ HIS.")
    ),
    "QUANG-3108": Refusal(
        410,
        _("Kết quả đã được thu hồi"),
        _("Không dùng kết quả này nữa. Kết quả đính chính sẽ được gửi sau; nếu cần ngay, gọi khoa Chẩn đoán hình ảnh."),
    ),
    "QUANG-3109": Refusal(
        404, _("Chưa có kết quả để mở"), _("Ca chụp này chưa có kết quả được duyệt, hoặc kết quả chưa được trả.")
    ),
    "QUANG-6301": Refusal(
        403,
        _("Chia sẻ này không mở được"),
        _("Đường dẫn không đúng, đã hết hạn hoặc đã được thu hồi. Hãy mở lại từ đường dẫn, hoặc hỏi người đã gửi."),
    ),
    "QUANG-3107": Refusal(404, _("Chưa có ảnh để mở"), _("Ca chụp này chưa có ảnh, hoặc không có ca chụp như vậy.")),
}


def refuse(request: HttpRequest, code: str) -> HttpResponse:
    """The page of a refusal, with its code for IT."""
    refusal = REFUSALS[code]
    context = {"code": code, "refusal": refusal}
    return outsider_headers(render(request, "viewer_launch/refused.html", context, status=refusal.status))


def waiting_page(request: HttpRequest) -> HttpResponse:
    """The report was approved a moment ago and its PDF is being made: the page asks again by itself."""
    response = render(request, "viewer_launch/waiting.html", {}, status=202)
    response["Refresh"] = "2"
    return outsider_headers(response)


def outsider_headers(response: HttpResponse) -> HttpResponse:
    """Addresses with tokens are given to nobody, kept nowhere and listed nowhere."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
