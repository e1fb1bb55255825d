"""What it means for stored patients and orders that a profile gives numbers another meaning, in a sentence."""

from __future__ import annotations

from django.utils.translation import ngettext_lazy

from ris_core.intake.identifier_meaning import Consequence, MeaningOf
from ris_webapp.screens.profiles.labels import label_of_path
from ris_webapp.words import Text

_SENTENCES: dict[MeaningOf, Text] = {
    MeaningOf.PATIENTS: ngettext_lazy(
        "%(what)s: %(count)d người bệnh đã lưu có thể không được nhận ra và xuất hiện lần nữa thành người mới.",
        "%(what)s: %(count)d người bệnh đã lưu có thể không được nhận ra và xuất hiện lần nữa thành người mới.",
        "count",
    ),
    MeaningOf.VISITS: ngettext_lazy(
        "%(what)s: %(count)d lượt khám đã lưu có thể không được nhận ra.",
        "%(what)s: %(count)d lượt khám đã lưu có thể không được nhận ra.",
        "count",
    ),
    MeaningOf.ORDERS: ngettext_lazy(
        "%(what)s: sửa và huỷ của %(count)d chỉ định chưa xong có thể không tìm thấy chỉ định.",
        "%(what)s: sửa và huỷ của %(count)d chỉ định chưa xong có thể không tìm thấy chỉ định.",
        "count",
    ),
    MeaningOf.EXAMS: ngettext_lazy(
        "%(what)s: %(count)d ca chưa xong giữ số đã báo cho máy; bản tin sau mang số khác.",
        "%(what)s: %(count)d ca chưa xong giữ số đã báo cho máy; bản tin sau mang số khác.",
        "count",
    ),
}


def consequence_text(consequence: Consequence) -> str:
    """The sentence."""
    what = ", ".join(label_of_path(path) for path in consequence.paths)
    return str(_SENTENCES[consequence.of] % {"what": what, "count": consequence.stored})
