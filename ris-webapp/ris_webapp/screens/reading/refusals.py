"""Refusals of the reading's use cases, in the reader's words."""

from __future__ import annotations

from django.http import JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ris_core.engine.errors import EngineUnavailable
from ris_core.errors import EditConflict, InvalidValue, NotFound, NotPermitted, QuangError, TransitionRefused
from ris_core.key_images.errors import NoPicture, NoSuchImage, TooManyKeyImages
from ris_core.key_images.rules import MAXIMUM_KEY_IMAGES
from ris_core.reports.checks import Flaw
from ris_core.reports.content import Content
from ris_core.reports.errors import (
    AlreadyClaimed,
    ConclusionMissing,
    DraftConflict,
    ExamNotReady,
    ReadAlready,
    ReadingsOutstanding,
    ReportIncomplete,
)
from ris_core.reports.models import Reading
from ris_webapp.screens.reading.differences import against
from ris_webapp.screens.reading.status import clock_with_seconds


def answer_refusal(error: QuangError) -> JsonResponse:
    """``error`` as problem+json whose ``detail`` is a sentence that says what to do."""
    status, sentence = _sentence(error)
    more = {}
    if isinstance(error, ReportIncomplete):
        more["flaws"] = [{"code": flaw.code, "text": str(_FLAWS[flaw.flaw])} for flaw in error.flaws]
    return _problem(status, error.code, sentence, **more)


def answer_conflict(reading: Reading, conflict: DraftConflict, mine: Content) -> JsonResponse:
    """409 with the draft that is there now, and how ``mine`` differs from it."""
    reading.refresh_from_db(fields=["draft_saved_at"])
    saved_at = clock_with_seconds(reading.draft_saved_at)
    there = {"revision": conflict.revision, "savedAt": saved_at, **against(conflict.content, mine)}
    return _problem(409, conflict.code, _("Bản nháp vừa được lưu ở một cửa sổ khác."), theirs=there)


_FLAWS = {
    Flaw.MISSING: gettext_lazy("chưa điền"),
    Flaw.NOT_A_NUMBER: gettext_lazy("không phải là số"),
    Flaw.OUT_OF_BOUNDS: gettext_lazy("ngoài khoảng cho phép"),
    Flaw.NOT_AN_OPTION: gettext_lazy("không có trong danh sách chọn"),
    Flaw.NOT_A_DATE: gettext_lazy("không phải là ngày"),
}


def _sentence(error: QuangError) -> tuple[int, str]:
    match error:
        case AlreadyClaimed():
            values = {"name": error.holder_name, "time": clock_with_seconds(error.claimed_at)[:5]}
            return 409, _("%(name)s đang giữ ca này từ %(time)s.") % values
        case ReadAlready():
            return 409, _("Bạn đã đọc ca này; lần đọc khác dành cho người khác.")
        case ReadingsOutstanding():
            return 409, _("Còn lần đọc khác phải chốt trước.")
        case ExamNotReady():
            return 409, _("Ca này chưa có ảnh để đọc, hoặc đã bị huỷ.")
        case ConclusionMissing():
            return 422, _("Cần có kết luận trước khi duyệt.")
        case TooManyKeyImages():
            return 409, _("Kết quả đã có đủ %(count)s ảnh; hãy bỏ bớt một ảnh.") % {"count": MAXIMUM_KEY_IMAGES}
        case NoSuchImage():
            return 404, _("Ảnh này không thuộc ca đang đọc (có thể là ảnh của lần chụp trước).")
        case NoPicture():
            return 422, _("Đối tượng này không có ảnh để in (tài liệu, số đo hoặc video).")
        case EngineUnavailable():
            return 503, _("Máy chủ ảnh chưa trả lời; hãy thử lại sau ít phút.")
        case ReportIncomplete():
            named = "; ".join(f"{flaw.label or flaw.code}: {_FLAWS[flaw.flaw]}" for flaw in error.flaws[:5])
            return 422, _("Chưa duyệt được. %(values)s.") % {"values": named}
        case TransitionRefused():
            return 409, _("Ca này không còn ở trạng thái làm được việc đó; trang đã được cập nhật.")
        case EditConflict():
            return 409, _("Bản nháp vừa được lưu ở một cửa sổ khác.")
        case NotFound():
            return 404, _("Mục này không còn, hoặc bạn không được xem.")
        case NotPermitted():
            return 403, _("Tài khoản của bạn không được làm việc này.")
        case InvalidValue():
            return 422, _("Nội dung quá dài hoặc không hợp lệ; hãy sửa lại.")
        case _:
            return 500, _("Chưa làm được; hãy thử lại.")


def _problem(status: int, code: str, detail: str, **more: object) -> JsonResponse:
    body = {"type": f"urn:quang:{code}", "title": detail, "status": status, "code": code, "detail": detail, **more}
    return JsonResponse(body, status=status, content_type="application/problem+json")
