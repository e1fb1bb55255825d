"""Escaping: data never becomes structure, and comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.hl7.separators import Separators

USUAL = Separators()
ODD = Separators("$", "%", "*", "@", "!")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two", "one\ntwo"),
        (r"\.sp2\x", "\n\nx"),
        (r"\.in+4\x", "    x"),
        (r"\H\đậm\N\ thường", "đậm thường"),
        (r"\X4769C3A1\ cao", "Giá cao"),
        (r"\X0D\\X0A\end", "\r\nend"),
        (r"\Z1F\ local", " local"),
        (r"\X00\nul", "nul"),
        # what is no complete or known sequence stays as it was sent
        (r"unterminated \F", r"unterminated \F"),
        (r"\C2842\ \M2442\ x", r"\C2842\ \M2442\ x"),
        (r"\XZZ\ x", r"\XZZ\ x"),
        (r"C:\temp\F\x", "C:\\temp|x"),
        (r"\XFF\ alone", r"\XFF\ alone"),
    ],
)
def test_escape_sequences_are_read(data: str, text: str) -> None:
    assert USUAL.unescaped(data) == text


def test_the_escape_character_is_the_senders() -> None:
    assert ODD.unescaped("gan @S@ mật @T@ \\F\\") == "gan % mật ! \\F\\"


@given(st.text(), st.sampled_from([USUAL, ODD]))
def test_escaped_text_comes_back_and_has_no_structure(text: str, separators: Separators) -> None:
    escaped = separators.escaped(text)
    assert separators.unescaped(escaped) == text.replace("\0", "")
    assert not set(escaped) & {
        separators.field,
        separators.component,
        separators.repetition,
        "\r",
        "\n",
        "\x0b",
        "\x1c",
    }


@given(st.text(st.characters(blacklist_characters="\0\r\x0b\x1c")))
def test_formatted_text_keeps_its_lines(text: str) -> None:
    formatted = USUAL.formatted(text)
    assert "\n" not in formatted
    assert USUAL.unescaped(formatted) == text


def test_a_line_end_in_a_name_makes_no_segment() -> None:
    assert USUAL.escaped("AN\rPID|2") == r"AN\X0D\PID\F\2"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("MSH|^~\\&|HIS", USUAL),
        ("MSH|^~|HIS", USUAL),
        ("MSH|^|HIS", USUAL),
        ("MSH||HIS", USUAL),
        ("MSH|^~\\&#|HIS", USUAL),
        ("MSH|^~\\\\&|HIS", USUAL),
        ("MSH$%*@!$HIS", ODD),
    ],
)
def test_the_header_declares_the_separators(header: str, expected: Separators) -> None:
    assert Separators.of_header(header) == expected


@pytest.mark.parametrize("header", ["MSH", "MSHA^~\\&|", "MSH |^~\\&", "MSH|^^\\&|"])
def test_a_header_without_usable_separators_is_refused(header: str) -> None:
    with pytest.raises(InvalidValue):
        Separators.of_header(header)
