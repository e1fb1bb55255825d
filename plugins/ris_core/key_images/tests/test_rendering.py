"""The printed picture is what the reader saw: part, turn, flip and inversion."""

from __future__ import annotations

import io
from typing import cast

import pytest
from PIL import Image

from ris_core.key_images.errors import NoPicture
from ris_core.key_images.rendering import picture_of
from ris_core.key_images.rules import View


def a_frame(columns: int = 512, rows: int = 512) -> bytes:
    """Black, with a white upper left quarter."""
    image = Image.new("L", (columns, rows), 0)
    image.paste(255, (0, 0, columns // 2, rows // 2))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def seen(frame: bytes, view: View | None = None, *, inverted: bool = False, size: int = 512) -> Image.Image:
    return Image.open(io.BytesIO(picture_of(frame, columns=size, rows=size, view=view, inverted=inverted).jpeg))


def quarters(image: Image.Image) -> list[bool]:
    """Which quarters are white: upper left, upper right, lower left, lower right."""
    width, height = image.size
    places = [(width // 4, height // 4), (3 * width // 4, height // 4), (width // 4, 3 * height // 4)]
    grey = image.convert("L").load()
    assert grey is not None
    return [cast(int, grey[place]) > 128 for place in [*places, (3 * width // 4, 3 * height // 4)]]


@pytest.mark.parametrize(
    ("view", "white"),
    [
        (None, [True, False, False, False]),
        (View((0, 0), (512, 0), (0, 512), 500, 500), [True, False, False, False]),
        (View((512, 0), (0, 0), (512, 512), 500, 500), [False, True, False, False]),  # mirrored
        (View((0, 512), (0, 0), (512, 512), 500, 500), [False, True, False, False]),  # turned clockwise
        (View((0, 0), (256, 0), (0, 256), 500, 500), [True, True, True, True]),  # zoomed into the quarter
    ],
)
def test_the_picture_is_what_filled_the_viewport(view: View | None, white: list[bool]) -> None:
    assert quarters(seen(a_frame(), view)) == white


def test_margins_beside_the_image_are_not_printed() -> None:
    wide = View((-256, 0), (768, 0), (-256, 512), 1000, 500)
    assert seen(a_frame(), wide).size == (512, 512)


def test_an_inverted_image_is_printed_inverted() -> None:
    assert quarters(seen(a_frame(), inverted=True)) == [False, True, True, True]


def test_a_view_is_in_pixels_of_the_image_whatever_the_engine_gives() -> None:
    half = View((0, 0), (512, 0), (0, 512), 500, 500)
    assert quarters(seen(a_frame(), half, size=1024)) == [True, True, True, True]


def test_the_same_frame_gives_the_same_picture() -> None:
    frame = a_frame(64, 64)
    first, second = (picture_of(frame, columns=64, rows=64, view=None, inverted=False) for _ in range(2))
    assert first == second
    assert (first.width, first.height) == (512, 512)


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(NoPicture):
        picture_of(content, columns=1, rows=1, view=None, inverted=False)


def test_a_view_beside_the_image_is_refused() -> None:
    with pytest.raises(NoPicture):
        seen(a_frame(), View((600, 0), (700, 0), (600, 100), 100, 100))
