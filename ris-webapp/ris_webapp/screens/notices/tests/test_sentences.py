"""Every notice is a sentence in the user's words; one of an unknown kind is still told."""

from __future__ import annotations

import pytest

from ris_core.notices.models import Notice
from ris_webapp.screens.notices.sentences import sentence_of


@pytest.mark.parametrize(
    ("kind", "params", "sentence"),
    [
        ("patient.updated", {"fields": ["full_name", "sex"]}, "Thông tin người bệnh đã được sửa: họ tên, giới tính."),
        ("order.changed", {"fields": ["priority", "room"]}, "Chỉ định đã được sửa: mức ưu tiên, phòng."),
        ("order.changed", {"fields": ["something_new"]}, "Chỉ định đã được sửa: something_new."),
        ("patient.merged", {"merged": 7}, "Một hồ sơ khác đã được gộp vào người bệnh này."),
        ("never.heard_of", {}, "Có thay đổi cần biết (never.heard_of)."),
    ],
)
def test_a_notice_is_a_sentence(kind: str, params: dict[str, object], sentence: str) -> None:
    assert sentence_of(Notice(kind=kind, params=params)) == sentence
