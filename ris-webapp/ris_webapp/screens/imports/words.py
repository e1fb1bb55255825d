"""What people read of imports."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ris_core.imports.models import Decision, Fate, ImportState
from ris_webapp.words import Text

STATES: Final[dict[str, tuple[Text, str]]] = {
    ImportState.UPLOADING: (_("Đang tải lên"), "waiting"),
    ImportState.SCANNING: (_("Đang kiểm tra"), "waiting"),
    ImportState.DECIDING: (_("Chờ nhận người bệnh"), "ready"),
    ImportState.STORING: (_("Đang lưu vào kho"), "waiting"),
    ImportState.PARTLY: (_("Nhập được một phần"), "emergency"),
    ImportState.DONE: (_("Đã nhập"), "final"),
    ImportState.FAILED: (_("Không đọc được"), "emergency"),
    ImportState.REJECTED: (_("Đã bỏ"), "muted"),
}
"""Word and style."""

FATES: Final[dict[str, Text]] = {
    Fate.WAITING: _("Chờ quyết định"),
    Fate.HERE: _("Đã có trong kho, không nhập lại"),
    Fate.TWO_PATIENTS: _("Ảnh của hai người bệnh trong một lượt chụp: chọn không nhập một người, hoặc cùng một hồ sơ"),
    Fate.SKIPPED: _("Bỏ qua"),
    Fate.STORED: _("Đã nhập"),
    Fate.REFUSED: _("Kho ảnh từ chối"),
}

DECISIONS: Final[dict[str, Text]] = {
    Decision.EXISTING: _("Nhập vào hồ sơ"),
    Decision.NEW: _("Tạo hồ sơ mới"),
    Decision.SKIP: _("Không nhập"),
}

VERDICTS: Final[dict[str, Text]] = {
    "EQUAL": _("khớp"),
    "SIMILAR": _("gần giống"),
    "MISSING": _("không rõ"),
    "DIFFERENT": _("khác"),
    "CONTRADICTS": _("mâu thuẫn"),
}

_PROBLEMS: Final[dict[str, Text]] = {
    "decision": _("Hãy chọn hồ sơ cho từng người bệnh, hoặc chọn không nhập."),
    "patient": _("Hãy chọn một hồ sơ."),
    "reason": _("Tên hoặc ngày sinh khác nhau: hãy ghi vì sao là cùng một người."),
    "issuer": _("Hãy ghi nơi cấp mã người bệnh; không phải bệnh viện này."),
    "files": _("Không có ảnh DICOM nào đọc được, hoặc có tệp chưa tải lên hết."),
    "QUANG-6502": _("Quá lớn, quá nhiều tệp, hoặc nén bất thường. Hãy chia nhỏ rồi nhập lại."),
    "QUANG-6504": _("Ngày sinh hoặc giới tính mâu thuẫn: đây là người khác. Hãy chọn hồ sơ khác hoặc tạo hồ sơ mới."),
}


def problem_words(code: str, field: str = "") -> Text:
    """A sentence that says what to do."""
    otherwise = _("Không làm được. Hãy thử lại; nếu vẫn vậy, báo bộ phận CNTT mã lỗi này.")
    return _PROBLEMS.get(code) or _PROBLEMS.get(field) or (_PROBLEMS["files"] if code == "QUANG-6501" else otherwise)
