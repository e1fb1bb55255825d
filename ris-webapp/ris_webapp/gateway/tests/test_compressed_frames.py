"""What a slow link brings is bit for bit what is stored (M2), or stays as it is stored."""

from __future__ import annotations

import io
import os
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ris_webapp.gateway.htj2k import TRANSFER_SYNTAX, compressed
from ris_webapp.gateway.pixel_layout import HeadTooShort, KeptAsStored, PixelLayout, layout_of

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
_PROGRESSION, _TLM = 8, b"\xff\x55"


def of_the_corpus() -> list[Path]:
    root = os.environ.get("QUANG_CORPUS")
    found = [path for path in sorted(Path(root).rglob("*")) if path.is_file()] if root else []
    return [*found, *sorted(Path(pydicom.data.__path__[0], "test_files").glob("*.dcm"))]


def bytes_again(codestream: bytes) -> bytes:
    decoded: bytes = imagecodecs.htj2k_decode(codestream).tobytes()
    return decoded


def file_of(**changes: object) -> bytes:
    """pydicom's CT of 128 x 128 with 16 signed bits, changed."""
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    return written(image, **changes)


def written(image: FileDataset, **changes: object) -> bytes:
    for name, value in changes.items():
        setattr(image, name, value)
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_every_frame_of_every_file_is_exact_or_stays_as_stored() -> None:
    exact, kept = set(), 0
    for path in of_the_corpus():
        file = path.read_bytes()
        try:
            layout = layout_of(file)
        except KeptAsStored:
            kept += 1
            continue
        stored = pydicom.dcmread(io.BytesIO(file), force=True)
        for frame in {1, layout.frame_count}:
            offset, length = layout.span(frame)
            pixels = file[offset : offset + length]
            if len(pixels) < length:  # made to break its readers: the file ends within the frame
                continue
            # pydicom finds the same bytes by its own way
            assert pixels == stored.PixelData[(frame - 1) * length : frame * length], path
            assert bytes_again(compressed(layout, pixels)) == pixels, path
        exact.add((layout.bits, layout.signed, layout.samples, layout.frame_count > 1, stored.BitsStored))
    assert kept
    assert {(bits, signed) for bits, signed, *_ in exact} >= {(8, False), (16, False), (16, True)}
    assert {samples for _, _, samples, *_ in exact} == {1, 3}


@pytest.mark.parametrize("kind", ["<u2", "<i2", "u1", "rgb"])
@pytest.mark.parametrize(("rows", "columns"), [(64, 129), (511, 257), (1, 8192), (8200, 3), (200, 1000)])
@pytest.mark.parametrize("content", ["noise", "extremes", "flat"])
def test_whatever_the_numbers_are(kind: str, rows: int, columns: int, content: str) -> None:
    samples = 3 if kind == "rgb" else 1
    numbers = np.dtype("u1" if kind == "rgb" else kind)
    limits = np.iinfo(numbers)
    chance = np.random.default_rng(7)
    count = rows * columns * samples
    if content == "noise":
        values = chance.integers(limits.min, limits.max, count, endpoint=True)
    elif content == "extremes":
        values = chance.choice([limits.min, limits.max], count)
    else:
        values = np.full(count, limits.min)
    frame = values.astype(numbers).tobytes()
    layout = a_layout(rows, columns, samples, numbers.itemsize * 8, numbers.kind == "i")
    assert bytes_again(compressed(layout, frame)) == frame


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.booleans(), st.binary(min_size=2, max_size=200))
def test_whatever_the_shape_is(rows: int, columns: int, signed: bool, pattern: bytes) -> None:
    length = rows * columns * 2
    frame = (pattern * (length // len(pattern) + 1))[:length]
    assert bytes_again(compressed(a_layout(rows, columns, 1, 16, signed), frame)) == frame


def test_padding_outside_the_range_of_the_bits_stored_and_overlays_in_high_bits_stay() -> None:
    # 12 bits stored, -2000 as padding in 16 bits, and a bit of a PS3.3 1992 overlay above the pixel's own
    pixels = np.full((128, 128), -2000, "<i2")
    pixels[40:80, 40:80] = 0x4000 | 1200
    file = file_of(BitsStored=12, HighBit=11, PixelPaddingValue=-2000, PixelData=pixels.tobytes())
    layout = layout_of(file)
    assert bytes_again(compressed(layout, pixels.tobytes())) == pixels.tobytes()


def test_the_codestream_is_what_its_transfer_syntax_says() -> None:
    """HTJ2K Lossless RPCL (PS3.5 A.4.10): resolution first, with TLM, the coarsest picture 64 pixels wide at most."""
    assert TRANSFER_SYNTAX == "1.2.840.10008.1.2.4.202"
    codestream = compressed(a_layout(3000, 2000, 1, 16, False), bytes(3000 * 2000 * 2))
    coding = codestream[codestream.index(b"\xff\x52") + 4 :]
    rpcl, halvings, reversible = coding[1], coding[5], coding[9] == 1
    assert (rpcl, reversible) == (2, True)
    assert 3000 / 2**halvings <= 64
    assert _TLM in codestream[:400]


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("float", {"BitsAllocated": 32}),
        ("one bit", {"BitsAllocated": 1}),
        ("signed bytes", {"BitsAllocated": 8, "PixelRepresentation": 1}),
        ("YBR", {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL", "BitsAllocated": 8}),
        ("planes of colours", {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 1}),
        ("fewer pixels than rows", {"Rows": 129}),
        ("more frames than pixels", {"NumberOfFrames": 2}),
        ("small", {"Rows": 4, "Columns": 4}),
        ("no rows", {"Rows": 0}),
    ],
)
def test_the_rest_stays_as_it_is_stored(why: str, changes: dict[str, object]) -> None:
    with pytest.raises(KeptAsStored):
        layout_of(file_of(**changes))


@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"])
def test_other_transfer_syntaxes_stay_as_they_are_stored(name: str) -> None:
    file = Path(str(get_testdata_file(name))).read_bytes()
    assert pydicom.dcmread(io.BytesIO(file)).file_meta.TransferSyntaxUID not in NATIVE
    with pytest.raises(KeptAsStored):
        layout_of(file)


def test_a_beginning_that_is_too_short_says_so() -> None:
    file = file_of()
    layout = layout_of(file)
    assert layout_of(file[: layout.offset]) == layout
    for length in (layout.offset - 1, layout.offset - 20, 600):
        with pytest.raises(HeadTooShort):
            layout_of(file[:length])


@pytest.mark.parametrize("file", [b"", b"no DICOM" * 100, bytes(200) + b"DICM"])
def test_what_is_no_dicom_stays_as_it_is_stored(file: bytes) -> None:
    with pytest.raises(KeptAsStored):
        layout_of(file)


def test_frames_that_are_not_there_are_the_engines_to_refuse() -> None:
    layout = layout_of(file_of())
    for frame in (0, 2, 10**8):
        with pytest.raises(KeptAsStored):
            layout.span(frame)


def a_layout(rows: int, columns: int, samples: int, bits: int, signed: bool) -> PixelLayout:
    return PixelLayout("1.2", "1.3", "1.4", rows, columns, samples, bits, signed, 1, 0)


def test_big_endian_is_not_taken_for_little_endian() -> None:
    image = pydicom.dcmread(str(get_testdata_file("MR_small_bigendian.dcm")))
    assert image.file_meta.TransferSyntaxUID == ExplicitVRBigEndian


@pytest.mark.parametrize(("said", "encoded"), [NATIVE, NATIVE[::-1]])
def test_a_file_encoded_otherwise_than_it_says_stays_as_stored(said: UID, encoded: UID) -> None:
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    image.file_meta.TransferSyntaxUID = encoded
    body, meta = io.BytesIO(), DicomBytesIO()
    image.save_as(body, implicit_vr=encoded == ImplicitVRLittleEndian, little_endian=True)
    wanted = pydicom.dcmread(io.BytesIO(body.getvalue())).file_meta
    wanted.TransferSyntaxUID = said
    pydicom.filewriter.write_file_meta_info(meta, wanted)
    body.seek(132)
    pydicom.filereader._read_file_meta_info(body)
    file = bytes(128) + b"DICM" + meta.getvalue() + body.read()
    with pytest.raises(KeptAsStored):
        layout_of(file)


def test_what_the_preamble_says_is_no_transfer_syntax() -> None:
    element = b"\x02\x00\x10\x00UI\x14\x00" + ExplicitVRLittleEndian.encode().ljust(20, b"\0")
    file = file_of()
    compressed_file = pydicom.dcmread(str(get_testdata_file("JPEG2000.dcm")))
    written_again = written(compressed_file)
    assert layout_of(element.ljust(128, b"\0") + file[128:])
    with pytest.raises(KeptAsStored):
        layout_of(element.ljust(128, b"\0") + written_again[128:])
