"""Patterns of administrators: they find what Python finds, and none of them can keep anybody waiting."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ris_core.patterns import LONGEST_PATTERN, PatternRefused, pattern

_ATOMS = st.sampled_from(
    ["a", "b", "đ", r"\d", r"\w", r"\s", ".", "[ab]", "[^a]", "[a-c7]", r"[\d-]", r"\b", "^", "$", r"\-", r"\W"]
)
_REPEATABLE = st.sampled_from(["a", "b", r"\d", r"\w", ".", "[ab]", "[^a]"])
_REPEATS = st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?"])
_PIECES = st.recursive(
    st.one_of(_ATOMS, st.builds(str.__add__, _REPEATABLE, _REPEATS)),
    lambda inner: st.one_of(
        st.builds("".join, st.lists(inner, min_size=1, max_size=3)),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("(?:{}|{}b)+".format, _REPEATABLE, _REPEATABLE),
        st.builds("(?:{}b)*?".format, _REPEATABLE),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(before=_PIECES, group=_PIECES, after=_PIECES, text=st.text(alphabet="abcABđ7 -_\n", max_size=14))
def test_it_finds_what_python_finds(before: str, group: str, after: str, text: str) -> None:
    assume(len(before) + len(group) + len(after) + 2 <= LONGEST_PATTERN)
    for written, ignore_case in ((f"{before}({group}){after}", False), (f"{before}{group}{after}", True)):
        python = re.compile(written, re.IGNORECASE if ignore_case else 0)
        ours = pattern(written, ignore_case=ignore_case)
        expected, found = python.search(text), ours.search(text)
        assert (found is None) == (expected is None)
        if expected is not None and found is not None:
            assert (found.start, found.end) == expected.span()
            assert found.group == (expected[1] if python.groups else expected[0])


@pytest.mark.parametrize(
    ("written", "text", "value", "after"),
    [
        ("^XX-", "XX-42", "", "42"),
        ("a", "bab", r"g<0>", "bg<0>b"),
        (r"\s+", " a  b ", "", "ab"),
        ("x*", "axb", "-", re.sub("x*", lambda _: "-", "axb")),
        (r"\d(?=)", "7", "", None),
    ],
)
def test_replacing(written: str, text: str, value: str, after: str | None) -> None:
    if after is None:
        with pytest.raises(PatternRefused):
            pattern(written)
    else:
        assert pattern(written).replaced(text, value) == after


@pytest.mark.parametrize(
    "written", ["(a+)+$", r"\w*\w*\w*\w*\w*\w*X", "(a|aa)+$", "(?:a|b|ab)*c", "a?" * 60 + "a" * 60]
)
def test_what_would_keep_python_busy_for_years_is_found_wanting_at_once(written: str) -> None:
    """Python needs 2^256 or 256^6 steps for these; that the test ends is what it shows."""
    assert (pattern(written).search("a" * 255 + "!") is not None) == written.startswith("a?")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("(", "not a regular expression"),
        (r"(a)\1", "looks back"),
        ("(?=a)", "looks around"),
        ("(?<!a)b", "looks around"),
        ("(?i:a)b", "flags within"),
        ("(?s)a", r"\(\?i\)"),
        ("(?>a)", "looks"),
        ("a++", "looks"),
        ("(a*)*", "may be empty"),
        ("(?:a{100}){100}", "repeats too much"),
        ("a{4000000000}", "repeats too much"),
        ("a" * (LONGEST_PATTERN + 1), "at most 200"),
    ],
)
def test_what_is_refused_is_named(written: str, told: str) -> None:
    with pytest.raises(PatternRefused, match=told) as refused:
        pattern(written)
    assert refused.value.code == "QUANG-1007"


def test_a_flag_for_the_whole_pattern_is_taken() -> None:
    found = pattern(r"(?i)key=(\w{4,12})").search("KEY=AB12CD.")
    assert found is not None
    assert found.group == "AB12CD"
