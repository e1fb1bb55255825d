"""Bodies of STOW-RS, taken apart whatever they hold."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_webapp.gateway.multipart import boundary_of, parts_of


def body_of(*contents: bytes, boundary: bytes = b"abc") -> bytes:
    parts = b"".join(b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + c + b"\r\n" for c in contents)
    return parts + b"--" + boundary + b"--\r\n"


@given(st.lists(st.binary(max_size=200).filter(lambda content: b"--abc" not in content), min_size=1, max_size=5))
def test_parts_come_out_as_they_went_in(contents: list[bytes]) -> None:
    assert list(parts_of(body_of(*contents), b"abc")) == contents


@given(st.binary(max_size=400))
def test_any_other_body_is_refused_or_read_and_never_breaks(body: bytes) -> None:
    with contextlib.suppress(InvalidValue):
        list(parts_of(body, b"abc"))


def test_a_body_that_ends_early_is_refused() -> None:
    with pytest.raises(InvalidValue):
        list(parts_of(body_of(b"content")[:-12], b"abc"))


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', b"abc"),
        ('multipart/related; boundary="a b c"; type=application/dicom', b"a b c"),
    ],
)
def test_the_boundary_is_in_the_header(header: str, boundary: bytes) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize("header", ["", "application/dicom", "multipart/form-data; boundary=abc", "multipart/related"])
def test_other_bodies_are_refused(header: str) -> None:
    with pytest.raises(InvalidValue):
        boundary_of(header)
