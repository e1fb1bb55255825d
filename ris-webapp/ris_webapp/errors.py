"""Errors as people see them: a page with a sentence and a short code; problem+json (RFC 9457) for scripts."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache

from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ris_core.errors import QuangError
from ris_webapp.words import Text


@dataclass(frozen=True, slots=True)
class Words:
    """What a code means to a user: status of the answer, title, and what to do."""

    status: int
    title: Text
    advice: Text


PROGRAMS = ("/api/", "/fhir", "/scim/")
"""Addresses where nobody looks at a page, except at the description of the interface."""


class DatabaseAway(QuangError):
    """The database does not answer, or not in time."""

    code = "QUANG-1012"


_GENERAL = Words(
    500, gettext_lazy("Hệ thống gặp lỗi"), gettext_lazy("Hãy thử lại; nếu vẫn lỗi, báo mã này cho phòng CNTT.")
)

WORDS: dict[str, Words] = {
    "QUANG-1001": Words(422, gettext_lazy("Giá trị không hợp lệ"), gettext_lazy("Hãy sửa lại và gửi lần nữa.")),
    "QUANG-1002": Words(
        404, gettext_lazy("Không tìm thấy"), gettext_lazy("Mục này không còn, hoặc bạn không được xem.")
    ),
    "QUANG-1003": Words(
        409,
        gettext_lazy("Trạng thái đã thay đổi"),
        gettext_lazy("Việc này không còn làm được ở trạng thái hiện tại; hãy tải lại trang."),
    ),
    "QUANG-1004": Words(
        409,
        gettext_lazy("Thông tin người bệnh mâu thuẫn"),
        gettext_lazy("Dữ liệu thuộc hai người bệnh khác nhau; hãy đối chiếu trước khi làm tiếp."),
    ),
    "QUANG-1005": Words(
        403, gettext_lazy("Không được phép"), gettext_lazy("Tài khoản của bạn không có quyền với chức năng này.")
    ),
    "QUANG-6010": Words(
        403,
        gettext_lazy("Ngoài phạm vi của bạn"),
        gettext_lazy(
            "Tài khoản của bạn không xem ca, người bệnh hoặc trang này. Nếu phải cứu người bệnh, hãy mở khẩn cấp."
        ),
    ),
    "QUANG-1006": Words(
        409, gettext_lazy("Có người vừa sửa"), gettext_lazy("Hãy tải lại để thấy bản mới nhất rồi sửa tiếp.")
    ),
    "QUANG-1013": Words(401, gettext_lazy("Phiên đã hết"), gettext_lazy("Hãy đăng nhập lại.")),
    "QUANG-1008": Words(
        403, gettext_lazy("Biểu mẫu đã hết hạn"), gettext_lazy("Hãy tải lại trang rồi gửi lại biểu mẫu.")
    ),
    "QUANG-1009": Words(
        429,
        gettext_lazy("Tạm khoá đăng nhập"),
        gettext_lazy("Đăng nhập sai 5 lần. Hãy đợi 15 phút rồi thử lại, hoặc nhờ quản trị mở khoá."),
    ),
    "QUANG-1010": Words(
        403, gettext_lazy("Phải đổi mật khẩu"), gettext_lazy("Hãy mở trang đổi mật khẩu rồi làm tiếp.")
    ),
    "QUANG-1011": Words(
        403, gettext_lazy("Phải ghép ứng dụng xác thực"), gettext_lazy("Hãy mở trang xác thực hai lớp rồi làm tiếp.")
    ),
    DatabaseAway.code: Words(
        503,
        gettext_lazy("Tạm thời chưa làm việc được"),
        gettext_lazy(
            "Cơ sở dữ liệu chưa trả lời. Những gì đã lưu vẫn còn; hãy thử lại sau ít phút. Nếu vẫn lỗi, báo mã này cho "
            "phòng CNTT."
        ),
    ),
    "QUANG-1414": Words(
        422,
        gettext_lazy("Chưa trả lời đúng câu hỏi"),
        gettext_lazy("Đã sai mật khẩu nhiều lần. Hãy gõ lại mật khẩu và trả lời câu hỏi bên dưới."),
    ),
    "QUANG-1415": Words(
        403,
        gettext_lazy("Hãy xác nhận là chính bạn"),
        gettext_lazy("Mật khẩu hoặc mã chưa đúng."),
    ),
    "QUANG-1411": Words(
        503,
        gettext_lazy("Chưa hỏi được nơi xác thực"),
        gettext_lazy("Nơi xác thực đang không trả lời. Hãy thử lại sau; tài khoản tại chỗ vẫn đăng nhập được."),
    ),
    "QUANG-1412": Words(
        403,
        gettext_lazy("Chưa đăng nhập được"),
        gettext_lazy("Lần đăng nhập ở nơi xác thực không thành hoặc đã quá hạn. Hãy bắt đầu lại từ trang này."),
    ),
    "QUANG-1405": Words(
        401,
        gettext_lazy("Mã không đúng"),
        gettext_lazy("Mã sai, đã dùng rồi, hoặc sai quá 5 lần. Hãy đợi mã mới; sau 5 lần sai phải đợi 15 phút."),
    ),
    "QUANG-1406": Words(
        403,
        gettext_lazy("Trang quản trị không mở từ đây"),
        gettext_lazy("Trang quản trị chỉ mở từ mạng được phép, hoặc sau khi đăng nhập có mã xác thực."),
    ),
    "QUANG-1201": Words(
        409,
        gettext_lazy("Không gộp được hồ sơ"),
        gettext_lazy("Hồ sơ đã được gộp, hoặc hai hồ sơ là một; hãy tải lại trang rồi xem các lần gộp."),
    ),
    "QUANG-1202": Words(404, gettext_lazy("Không có người bệnh này"), gettext_lazy("Hãy kiểm tra mã rồi tìm lại.")),
    "QUANG-1203": Words(
        409,
        gettext_lazy("Mã đã thuộc người bệnh khác"),
        gettext_lazy("Nếu hai hồ sơ là một người, hãy gộp hồ sơ; nếu không, hãy kiểm tra lại mã."),
    ),
    "QUANG-1401": Words(
        503,
        gettext_lazy("Máy chủ tài khoản không trả lời"),
        gettext_lazy(
            "Chưa kiểm tra được mật khẩu vì máy chủ tài khoản của bệnh viện không trả lời. Hãy thử lại sau ít phút."
        ),
    ),
    "QUANG-1402": Words(
        403,
        gettext_lazy("Tài khoản chưa được dùng ở đây"),
        gettext_lazy("Đúng mật khẩu, nhưng tài khoản này chưa được cấp vai trò hoặc đã bị khoá. Hãy báo phòng CNTT."),
    ),
    **dict.fromkeys(
        ("QUANG-4000", "QUANG-4001", "QUANG-4002", "QUANG-4003"),
        Words(
            502,
            gettext_lazy("Máy chủ ảnh không trả lời"),
            gettext_lazy("Ảnh tạm thời chưa xem được; danh sách ca và kết quả vẫn dùng được."),
        ),
    ),
    "QUANG-5401": Words(
        404, gettext_lazy("Không tìm thấy"), gettext_lazy("Mục này không còn, hoặc bạn không được xem.")
    ),
    "QUANG-5012": Words(
        422, gettext_lazy("Mẫu in có lỗi"), gettext_lazy("Nhờ người quản lý mẫu in sửa dòng được nêu rồi thử lại.")
    ),
    "QUANG-4004": Words(404, gettext_lazy("Không còn ảnh"), gettext_lazy("Máy chủ ảnh không có lần chụp này.")),
}


def words_of(code: str) -> Words:
    """The words for ``code``; those of the kind of error that it is when it has none of its own, else general ones."""
    return next((WORDS[each] for each in (code, *_kinds().get(code, ())) if each in WORDS), _GENERAL)


@cache
def _kinds() -> dict[str, tuple[str, ...]]:
    """Codes of the suite's errors → those of what they are kinds of, the nearest first."""
    found: dict[str, tuple[str, ...]] = {}
    waiting = [QuangError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = tuple(each.code for each in kind.__mro__[1:] if issubclass(each, QuangError))
        waiting += kind.__subclasses__()
    return found


def wants_problem(request: HttpRequest) -> bool:
    """Whether a script or a program asks (htmx, fetch, REST, FHIR) rather than a person who would see the page."""
    if request.path_info.startswith(PROGRAMS):
        return True
    accepted = request.headers.get("Accept", "")
    return "HX-Request" in request.headers or ("json" in accepted and "html" not in accepted)


def problem(status: int, code: str, detail: str, *, field: str = "") -> JsonResponse:
    """An ``application/problem+json`` answer in the user's language."""
    words = words_of(code)
    body = {"type": f"urn:quang:{code}", "title": str(words.title), "status": status, "code": code}
    body["detail"] = str(words.advice)
    if detail:
        body["cause"] = detail
    if field:
        body["field"] = field
    return JsonResponse(body, status=status, content_type="application/problem+json")


def error_page(
    request: HttpRequest, code: str, *, status: int | None = None, cause: str = "", field: str = ""
) -> HttpResponse:
    """The answer to an error: a page for a person, problem+json for a script."""
    words = words_of(code)
    status = status or words.status
    if wants_problem(request):
        return problem(status, code, cause, field=field)
    return render(request, "error.html", {"code": code, "words": words, "cause": cause}, status=status)


def answer_for(request: HttpRequest, error: QuangError) -> HttpResponse:
    """The answer to one of the suite's own errors."""
    return error_page(request, error.code, cause=error.detail, field=error.field)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, "QUANG-1002", status=404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, "QUANG-1001", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """What nobody expected; when it is that the database is away, the page asks nothing more of it."""
    if not isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return error_page(request, "QUANG-0000", status=500)
    request.user = AnonymousUser()
    response = answer_for(request, DatabaseAway("the database does not answer; send it again"))
    response["Retry-After"] = "5"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(request, "QUANG-1008", cause=_("Thiếu hoặc sai mã chống giả mạo (CSRF)."))
