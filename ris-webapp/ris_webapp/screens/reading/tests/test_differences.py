"""Differences of report texts are exact and readable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ris_core.reports.content import plain_content
from ris_webapp.screens.reading.differences import Segment, section_differences, word_differences


def test_one_replaced_word_is_removed_then_added() -> None:
    assert word_differences("Không thấy khối u phổi phải.", "Không thấy khối u phổi trái.") == [
        Segment("same", "Không thấy khối u phổi "),
        Segment("removed", "phải"),
        Segment("added", "trái"),
        Segment("same", "."),
    ]


def test_neighbouring_replacements_read_as_one() -> None:
    segments = word_differences("Kích thước 12 mm.", "Kích thước khoảng 15 mm.")
    assert [s.change for s in segments].count("added") == 1


def test_equal_texts_have_no_changes() -> None:
    assert word_differences("Gan to.", "Gan to.") == [Segment("same", "Gan to.")]


def test_an_emptied_section_is_all_removed() -> None:
    (difference,) = section_differences(plain_content(findings="Gan to."), plain_content(findings=""))
    assert difference.changed
    assert difference.segments == (Segment("removed", "Gan to."),)


def test_sections_that_neither_side_has_are_left_out() -> None:
    assert section_differences(plain_content(findings=""), plain_content()) == []


@given(st.text(alphabet="ab đ\n.", max_size=40), st.text(alphabet="ab đ\n.", max_size=40))
def test_the_newer_text_can_be_read_back_from_the_segments(older: str, newer: str) -> None:
    assert "".join(s.text for s in word_differences(older, newer) if s.change != "removed") == newer


@given(st.text(alphabet="ab đ\n.", max_size=40), st.text(alphabet="ab đ\n.", max_size=40))
def test_no_word_of_the_older_text_is_lost(older: str, newer: str) -> None:
    kept = "".join(s.text for s in word_differences(older, newer) if s.change != "added")
    assert kept.split() == older.split() or "".join(kept.split()) == "".join(older.split())
