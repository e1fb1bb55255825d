"""Words of reports: their versions, signatures, critical results and second readings.

Vietnamese is the source, English in locale/en.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from ris_webapp.words import Text

REPORT_WORDS: dict[str, dict[str, Text]] = {
    "version_status": {"P": _("Sơ bộ"), "F": _("Chính thức"), "C": _("Đính chính")},
    "signature_state": {
        "QUEUED": _("Chờ ký"),
        "SIGNING": _("Đang ký"),
        "SIGNED": _("Đã ký số"),
        "FAILED": _("Ký lỗi"),
        "CANCELLED": _("Đã thôi ký"),
        "WITHDRAWN": _("Đã huỷ chữ ký"),
    },
    "batch_state": {
        "RUNNING": _("Đang ký"),
        "PAUSED": _("Tạm dừng"),
        "CANCELLED": _("Đã thôi"),
        "DONE": _("Xong"),
    },
    "credential_kind": {
        "PKCS12": _("Tệp PKCS#12 (.p12, .pfx)"),
        "PKCS11": _("USB token, HSM (PKCS#11)"),
        "REMOTE": _("Ký số từ xa (CSC)"),
    },
    "urgency": {"RED": _("Đỏ: ngay"), "ORANGE": _("Cam: trong giờ"), "YELLOW": _("Vàng: trong ngày")},
    "peer_score": {
        "1": _("Đồng ý"),
        "2a": _("Khác, khó thấy; ít ảnh hưởng người bệnh"),
        "2b": _("Khác, khó thấy; có thể ảnh hưởng người bệnh"),
        "3a": _("Khác, đáng ra phải thấy; ít ảnh hưởng người bệnh"),
        "3b": _("Khác, đáng ra phải thấy; có thể ảnh hưởng người bệnh"),
    },
    "agreement": {
        "AGREES": _("Đồng ý"),
        "MINOR": _("Khác ít"),
        "MAJOR": _("Khác nhiều"),
    },
}
