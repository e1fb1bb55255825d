"""Names in comments and EXIF of compressed pixels do not go out, and the picture stays as it was."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.files import CleanFile, CleanPixels, deidentified_file
from ris_core.deidentification.kinds import Reason
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.tests.test_datasets import FOLDER, ONE, written

NAME = b"NGUYEN THI QUYNH HUONG 28/03/1957"


class NoText:
    """Finds no text in any pixels."""

    def clean(self, _dataset: Dataset, _pixels: bytes, transfer_syntax_uid: str) -> CleanPixels | None:
        return CleanPixels(b"", transfer_syntax_uid, changed=False)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def a_file(name: str, *segments: bytes, after: bytes = b"") -> tuple[bytes, Dataset]:
    """A bundled file with these segments at the beginning of each frame."""
    dataset = dcmread(FOLDER / name)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))
    begin = 2 if frames[0][:2] == b"\xff\xd8" else 4 + struct.unpack(">H", frames[0][4:6])[0]  # SIZ comes first
    changed = [frame[:begin] + b"".join(segments) + frame[begin:] + after for frame in frames]
    dataset.PixelData = encapsulate(changed)
    return written(dataset), dcmread(FOLDER / name)


@pytest.mark.parametrize(
    ("name", "segments"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", (segment(0xFE, NAME), segment(0xE1, b"Exif\0\0" + NAME), segment(0xE0, NAME))),
        ("MR_small_jpeg_ls_lossless.dcm", (segment(0xFE, NAME), segment(0xE8, NAME))),
        ("MR_small_jp2klossless.dcm", (segment(0x64, b"\0\1" + NAME),)),
        ("examples_jpeg2k.dcm", (segment(0x64, b"\0\1" + NAME),)),
    ],
)
def test_remarks_in_compressed_pixels_are_blanked_and_the_picture_stays(name: str, segments: tuple[bytes, ...]) -> None:
    file, before = a_file(name, *segments, after=NAME + b"\0" if name.startswith("SC") else b"")
    assert NAME in file
    outcome = deidentified_file(file, Profile(), ONE, pixel_cleaner=NoText())
    assert isinstance(outcome, CleanFile), outcome
    copy = b"".join(outcome.pieces())
    assert NAME not in copy
    if "jpeg_ls" not in name:  # cannot be unpacked here
        assert np.array_equal(dcmread(BytesIO(copy)).pixel_array, before.pixel_array)


def test_what_says_how_colours_are_meant_stays() -> None:
    kept = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    file, _ = a_file("SC_rgb_jpeg_dcmtk.dcm", kept)
    outcome = deidentified_file(file, Profile(), ONE, pixel_cleaner=NoText())
    assert isinstance(outcome, CleanFile)
    assert kept in b"".join(outcome.pixels)


def test_frames_without_remarks_are_not_copied() -> None:
    file, _ = a_file("MR_small_jpeg_ls_lossless.dcm")
    outcome = deidentified_file(file, Profile(), ONE)
    assert isinstance(outcome, CleanFile)
    assert sum(len(piece) for piece in outcome.pixels if piece.obj is not file) < 100


@pytest.mark.parametrize("wrong", [b"\xff\xfe\xff\xffabcd", b"no marker", b"\xff\xfe\0", b"\xff"])
def test_what_is_no_stream_is_withheld(wrong: bytes) -> None:
    dataset = dcmread(FOLDER / "MR_small_jpeg_ls_lossless.dcm")
    dataset.PixelData = encapsulate([b"\xff\xd8" + wrong])
    assert deidentified_file(written(dataset), Profile(), ONE) == Withheld(Reason.UNREADABLE)
