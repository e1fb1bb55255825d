"""The words of a share's watermark: what they say, how long they become, whom they never name (R10, G3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.rules import check_pictures_only
from ris_core.sharing.settings import Sharing
from ris_core.sharing.watermark import Marked, code_of, mark_words
from ris_core.watermarks.rules import lines_of


def of(**facts: Any) -> Marked:
    usual = {"receiver": "BS Minh", "sharer": "BS Lan", "site": "Bệnh viện Quang"}
    return Marked(code=code_of("a1b2c3d4e5f6"), day=date(2026, 11, 22), **{**usual, **facts})


def test_they_say_who_shared_for_whom_when_and_the_code() -> None:
    assert mark_words(of(), "vi") == "BS Lan chia sẻ cho BS Minh · ngày 22/11/2026 · mã A1B2C3D4"
    assert mark_words(of(sharer=""), "en") == "The patient shares with BS Minh · 22/11/2026 · code A1B2C3D4"
    assert mark_words(of(), "vi", "{site} – {receiver}") == "Bệnh viện Quang – BS Minh"


@pytest.mark.parametrize("language", ["vi", "en"])
def test_those_of_an_anonymous_share_hold_nothing_that_was_typed(language: str) -> None:
    named = of(receiver="Nguyễn Văn An", sharer="Nguyễn Văn An", site="Nguyễn Văn An", anonymous=True)
    said = mark_words(named, language, "{receiver} {sharer} {site}")
    assert "Nguyễn" not in said
    assert "A1B2C3D4" in said


@pytest.mark.parametrize("name", ["M" * 200, "a · b · c\n" * 30, "{receiver}{sharer}", "\x00\x07", "Ễ" * 128])
def test_whatever_the_names_are_they_can_be_drawn(name: str) -> None:
    for words in ("", "{sharer} {receiver} {site} {date} {code}"):
        assert lines_of(mark_words(of(receiver=name, sharer=name, site=name), "vi", words))


@pytest.mark.parametrize("name", ["·", "\u200b", "Nguyễn Văn Minh " * 3])
@pytest.mark.parametrize("words", ["{receiver}", "{site} · {sharer}{receiver}", "{receiver}" * 7])
def test_names_that_leave_nothing_of_a_sites_words_leave_ours(name: str, words: str) -> None:
    said = mark_words(of(receiver=name, site="", sharer=name), "vi", words)
    assert lines_of(said)
    assert name.strip("·\u200b")[:7] in said
    if name == "·" and words == "{receiver}":
        assert "mã A1B2C3D4" in said


@pytest.mark.parametrize(
    "words",
    ["x" * 121, "   ", "{patient}", "{receiver", "{}", "hai\ndòng", "{receiver} " * 10, " · ".join("123456789")],
)
def test_words_that_cannot_be_drawn_or_ask_for_what_there_is_not_are_refused_at_the_start(words: str) -> None:
    with pytest.raises(ValueError, match=r"sharing\.watermark_text"):
        Sharing(watermark_text=words)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"watermark_text": words}, Sharing)


def test_words_of_the_sites_own_are_taken() -> None:
    assert Sharing(watermark="always", watermark_text="Chia sẻ cho {receiver} · {date}").watermark == "always"


@pytest.mark.parametrize(("watermark", "may_download"), [(False, False), (True, True), (False, True)])
def test_pictures_only_need_a_watermark_and_give_no_files(watermark: bool, may_download: bool) -> None:
    with pytest.raises(ShareInvalid) as refused:
        check_pictures_only(True, watermark, may_download)
    assert refused.value.field == "pictures_only"
    check_pictures_only(True, True, False)
    check_pictures_only(False, watermark, may_download)
