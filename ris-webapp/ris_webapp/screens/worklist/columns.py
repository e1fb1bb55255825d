"""The columns of the list: which there are, which a user sees, in which order."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from ris_core.accounts.models import User
from ris_core.exam_lists.services import columns_of
from ris_webapp.words import Text

LABELS: Final[dict[str, Text]] = {
    "priority": _("Mức ưu tiên"),
    "patient": _("Người bệnh"),
    "patient_id": _("Mã bệnh nhân"),
    "age": _("Giới, tuổi"),
    "accession": _("Số phiếu"),
    "modality": _("Loại"),
    "service": _("Dịch vụ"),
    "room": _("Phòng, máy"),
    "time": _("Giờ hẹn"),
    "state": _("Trạng thái"),
    "images": _("Ảnh"),
    "waiting": _("Đã chờ"),
    "reader": _("Người đọc"),
    "department": _("Khoa chỉ định"),
    "tags": _("Thẻ"),
}
"""Every column with its heading, in the usual order."""

ALWAYS: Final = ("priority", "patient", "service", "state")
"""Nobody may do without these."""

USUAL: Final = tuple(LABELS)
"""What readers see who have chosen nothing; a narrow screen hides some of them."""
_ACQUIRING: Final = tuple(name for name in USUAL if name not in ("waiting", "reader", "tags"))
USUAL_OF_ROLE: Final[dict[str, tuple[str, ...]]] = {
    "TECHNOLOGIST": _ACQUIRING,
    "RECEPTION": tuple(name for name in _ACQUIRING if name != "images"),
    "CLINICIAN": tuple(name for name in USUAL if name not in ("room", "waiting", "tags")),
}
"""What other roles see: who acquires waits for no report, who ordered looks for theirs."""


def allowed(columns: list[str]) -> list[str]:
    """``columns`` without what is none or stands twice; those that always show are added where they usually stand."""
    chosen = [name for name in dict.fromkeys(columns) if name in LABELS]
    for name in ALWAYS:
        if name not in chosen:
            place = sum(1 for other in chosen if USUAL.index(other) < USUAL.index(name))
            chosen.insert(place, name)
    return chosen


def shown_to(user: User) -> tuple[list[str], bool]:
    """The columns that a user sees, and whether they have chosen them."""
    chosen = columns_of(user.pk)
    return (list(USUAL_OF_ROLE.get(user.role, USUAL)), False) if chosen is None else (allowed(chosen), True)
