"""Pictures of letterheads: what is kept draws, and does nothing else."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from ris_core.errors import InvalidValue
from ris_core.print_layouts.pictures import MOST_BYTES, clean_picture

SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{}</svg>'


def a_picture(form: str = "PNG", size: tuple[int, int] = (40, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "#0b5d7a").save(file, form)
    return file.getvalue()


@pytest.mark.parametrize(("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_raster_pictures_are_drawn_anew_without_what_follows_them(form: str, media_type: str) -> None:
    kept = clean_picture(a_picture(form) + b"<script>alert(1)</script>")
    assert kept.media_type == media_type
    assert b"script" not in kept.content
    assert Image.open(io.BytesIO(kept.content)).size == (40, 20)


def test_a_large_picture_is_made_smaller() -> None:
    kept = clean_picture(a_picture("JPEG", (4000, 2000)))
    assert Image.open(io.BytesIO(kept.content)).size == (1600, 800)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>", '<image href="http://a/b"/>', "<foreignObject><p/></foreignObject>",
        '<path onload="alert(1)" d="M0 0"/>', '<use xlink:href="http://a/b#c"/>',
        '<path fill="url(http://a/b)" d="M0 0"/>',
        '<style>@import url(http://a/b)</style>', '<path style="fill:url(http://a)" d="M0 0"/>',
        '<a xlink:href="javascript:alert(1)"><path d="M0 0"/></a>', '<animate attributeName="href" to="javascript:1"/>',
    ],
)  # fmt: skip
def test_of_a_drawing_only_what_draws_is_kept(inside: str) -> None:
    kept = clean_picture(SVG.format(inside + '<path id="kept" d="M0 0h9v9z" fill="#123456"/>').encode()).content
    assert b'id="kept"' in kept
    for harm in (b"http://a", b"script", b"onload", b"foreign", b"style", b"animate", b"image"):
        assert harm not in kept


def test_colours_given_as_style_and_references_inside_are_kept() -> None:
    inside = '<defs><path id="p" d="M0 0h9"/></defs><use xlink:href="#p" style="fill:#ff0000;stroke-width:2"/>'
    kept = clean_picture(SVG.format(inside).encode()).content
    assert b'fill="#ff0000"' in kept
    assert b'href="#p"' in kept


@pytest.mark.parametrize("end", ["", ":", "@", "red"])
def test_a_style_of_very_many_blanks_is_read_in_one_go(end: str) -> None:
    """Going back and trying again would take longer than this test may."""
    style = f"fill:{' ' * 200_000}{end}"
    kept = clean_picture(SVG.format(f'<path style="{style}" d="M0 0h9"/>').encode()).content
    assert (b'fill="red"' in kept) is (end == "red")


@pytest.mark.parametrize(
    "inside",
    [
        '<g id="a"><use href="#a"/></g>',
        '<clipPath id="a"><path clip-path="url(#a)" d="M0 0h9"/></clipPath>',
        '<g id="a0"/>' + "".join(f'<g id="a{n}">{f"""<use href="#a{n - 1}"/>""" * 10}</g>' for n in range(1, 9)),
    ],
)
def test_a_drawing_that_would_never_be_done_is_refused(inside: str) -> None:
    with pytest.raises(InvalidValue):
        clean_picture(SVG.format(inside).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"", b"GIF89a", b"%PDF-1.7", b"<html/>", b"<svg/>", a_picture()[:40], b"x" * (MOST_BYTES + 1),
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg"><text>&a;</text></svg>',
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValue) as refused:
        clean_picture(data)
    assert refused.value.field == "picture"
