"""What each kind of notice says, in a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ris_core.notices.models import Notice
from ris_webapp.words import WORDS, Text

_SENTENCES: dict[str, Text] = {
    "patient.updated": gettext_lazy("Thông tin người bệnh đã được sửa: %(fields)s."),
    "patient.identifier": gettext_lazy("Người bệnh được gọi bằng mã khác trên máy và trong ảnh."),
    "patient.merged": gettext_lazy("Một hồ sơ khác đã được gộp vào người bệnh này."),
    "patient.unmerged": gettext_lazy("Một lần gộp hồ sơ của người bệnh này đã được hoàn tác."),
    "patient.now_confidential": gettext_lazy(
        "Lượt khám từ một hồ sơ cần bảo mật đã chuyển sang đây: hồ sơ này nay cũng cần bảo mật. "
        "Nếu không đúng, người quản lý hồ sơ bỏ dấu."
    ),
    "share.withheld": gettext_lazy(
        "Ca này đã được chia sẻ ra ngoài; chia sẻ đó bị giữ lại vì ca đã sang người bệnh khác hoặc nay cần bảo mật."
    ),
    "visit.moved": gettext_lazy("Một lượt khám đã được chuyển giữa người bệnh này và hồ sơ khác."),
    "order.changed": gettext_lazy("Chỉ định đã được sửa: %(fields)s."),
    "images_not_corrected": gettext_lazy("Ảnh chưa sửa được theo phiếu; xem trang lần chụp."),
    "performed_though_cancelled": gettext_lazy(
        "Chỉ định đã huỷ nhưng máy vẫn chụp: ca được giữ là đã chụp. Hãy báo nơi chỉ định, hoặc gỡ ảnh nếu nhầm ca."
    ),
    "performed_though_withdrawn": gettext_lazy("Lịch hẹn đã huỷ nhưng máy vẫn chụp: bước chụp được giữ là đã làm."),
    "other_image_same_uid": gettext_lazy("Máy gửi thêm ảnh khác dưới mã của ảnh đã lưu; xem trang lần chụp."),
    "critical.flagged": gettext_lazy("Có kết quả nguy cấp chưa ai xác nhận."),
    "images_removed": gettext_lazy("Ảnh của ca này đã được gỡ hoặc chuyển đi."),
}


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice as pages show it."""

    notice: Notice
    sentence: str


def sentence_of(notice: Notice) -> str:
    """What ``notice`` says; of a kind without words of its own, its name."""
    words = _SENTENCES.get(notice.kind)
    if words is None:
        return _("Có thay đổi cần biết (%(kind)s).") % {"kind": notice.kind}
    names = {**WORDS["patient_field"], **WORDS["order_field"]}
    fields = ", ".join(str(names.get(name, name)).lower() for name in notice.params.get("fields", ()))
    return str(words) % {"fields": fields}


def shown(notices: Iterable[Notice]) -> list[ShownNotice]:
    """The notices with their sentences, in their order."""
    return [ShownNotice(notice, sentence_of(notice)) for notice in notices]
