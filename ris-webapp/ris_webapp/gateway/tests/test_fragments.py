"""A video's bytes are found wherever they lie in its file, and given in any part asked for."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate

from ris_core.errors import InvalidValue
from ris_testing.dicom_files import a_dicom_file, a_video
from ris_webapp.gateway.fragments import Read, Stream, video_stream


def reading(file: bytes) -> Read:
    return lambda offset, length: file[offset : offset + length]


def test_one_fragment_is_the_whole_video() -> None:
    video = bytes(range(256)) * 20
    file = a_video(video)
    ((offset, length),) = video_stream(reading(file)).spans
    assert file[offset : offset + length] == video


def test_several_fragments_are_one_stream() -> None:
    dataset = dcmread(io.BytesIO(a_video(b"x" * 10)))
    dataset.PixelData = encapsulate([b"ab" * 10, b"cd" * 20], has_bot=False)
    dataset["PixelData"].is_undefined_length = True
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    file = buffer.getvalue()
    stream = video_stream(reading(file))
    whole = b"".join(file[offset : offset + length] for offset, length in stream.parts(0, stream.length))
    assert whole == b"ab" * 10 + b"cd" * 20


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 250), st.integers(0, 250))
def test_any_range_of_a_stream_is_the_same_bytes(lengths: list[int], start: int, end: int) -> None:
    file, spans, whole = b"", [], b""
    for number, length in enumerate(lengths):
        file += b"--------"
        spans.append((len(file), length))
        file += bytes([number]) * length
        whole += bytes([number]) * length
    stream = Stream(tuple(spans))
    found = b"".join(file[offset : offset + length] for offset, length in stream.parts(start, end))
    assert found == whole[start:end]


@pytest.mark.parametrize("file", [b"", b"no DICOM", a_dicom_file(), a_video(b"x" * 10)[:300]])
def test_a_file_without_a_video_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidValue):
        video_stream(reading(file))
