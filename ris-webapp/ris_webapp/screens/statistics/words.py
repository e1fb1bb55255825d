"""Words of the statistics."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

STAGES: dict[str, Text] = {
    "performed": _("Từ chỉ định đến có ảnh"),
    "read": _("Từ có ảnh đến kết quả đầu tiên"),
    "approved": _("Từ chỉ định đến kết quả chính thức"),
    "returned": _("Từ duyệt đến nơi nhận xác nhận"),
}
