"""Views, windows, captions and the order of key images: values that cannot be wrong."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.key_images.rules import Choice, Point, View, Window, arranged, clean_caption

WHOLE = View((0, 0), (512, 0), (0, 512), 600, 600)


@pytest.mark.parametrize("width", [0, -1, math.nan, math.inf])
def test_a_window_has_a_width(width: float) -> None:
    with pytest.raises(InvalidValue):
        Window(40, width)


@pytest.mark.parametrize(
    "corners",
    [
        ((0, 0), (0, 0), (0, 512)),
        ((0, 0), (512, 0), (512, 0)),
        ((0, 0), (math.nan, 0), (0, 5)),
        ((0, 0), (9e9, 0), (0, 5)),
    ],
)
def test_a_view_shows_something(corners: tuple[Point, Point, Point]) -> None:
    with pytest.raises(InvalidValue):
        View(corners[0], corners[1], corners[2], 600, 600)


def test_a_turned_view_tells_where_a_pixel_lies() -> None:
    turned = View((512, 0), (512, 512), (0, 0), 600, 600)  # clockwise by a quarter
    assert turned.place_of((512, 0)) == pytest.approx((0, 0))
    assert turned.place_of((0, 512)) == pytest.approx((1, 1))
    assert WHOLE.place_of((256, 128)) == pytest.approx((0.5, 0.25))


def test_frames_are_counted_from_one() -> None:
    with pytest.raises(InvalidValue):
        Choice("1.2", "1.3", "1.4", frame=0)


def test_a_caption_is_one_line() -> None:
    assert clean_caption(" Ổ giảm\n tỷ trọng\x00 ") == "Ổ giảm  tỷ trọng"
    with pytest.raises(InvalidValue):
        clean_caption("x" * 201)


@given(st.lists(st.integers(1, 9), unique=True), st.lists(st.integers(1, 12)))
def test_arranging_loses_and_doubles_nothing(present: list[int], wanted: list[int]) -> None:
    assert sorted(arranged(present, wanted)) == sorted(present)
    assert [key for key in arranged(present, wanted) if key in wanted] == [
        key for key in dict.fromkeys(wanted) if key in present
    ]
