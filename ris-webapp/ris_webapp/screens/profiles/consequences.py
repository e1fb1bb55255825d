"""What it means for stored patients and orders that a profile gives numbers another meaning, in a sentence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_core.intake.identifier_meaning import Consequence, MeaningOf
from ris_webapp.screens.profiles.labels import label_of_path
from ris_webapp.words import Text

_SENTENCES: dict[MeaningOf, Text] = {
    MeaningOf.PATIENTS: _(
        "%(what)s: có thể không nhận ra người bệnh đã lưu (%(count)s), họ xuất hiện lần nữa thành người mới."
    ),
    MeaningOf.VISITS: _("%(what)s: có thể không nhận ra lượt khám đã lưu (%(count)s)."),
    MeaningOf.ORDERS: _("%(what)s: sửa và huỷ có thể không tìm thấy chỉ định chưa xong (%(count)s)."),
    MeaningOf.EXAMS: _("%(what)s: ca chưa xong (%(count)s) giữ số đã báo cho máy; bản tin sau mang số khác."),
}


def consequence_text(consequence: Consequence) -> str:
    """The sentence."""
    what = ", ".join(label_of_path(path) for path in consequence.paths)
    return str(_SENTENCES[consequence.of]) % {"what": what, "count": consequence.stored}
