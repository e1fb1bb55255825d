"""Bytes that no attribute declares do not go out, wherever they lie; the picture stays as it was (R10)."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.files import CleanFile, deidentified_file
from ris_core.deidentification.kinds import Reason
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.tests.test_datasets import FOLDER, ONE, written
from ris_core.deidentification.tests.test_streams import NoText

NAME = b"NGUYEN THI QUYNH HUONG 28/03/1957 "
Change = Callable[[Dataset], None]


def a_dataset(name: str) -> Dataset:
    return dcmread(FOLDER / name)


def frames_of(dataset: Dataset) -> list[bytes]:
    return list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames") or 1)))


def an_item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def with_items(dataset: Dataset, table: bytes, *fragments: bytes) -> None:
    dataset.PixelData = an_item(table) + b"".join(map(an_item, fragments))


def behind(dataset: Dataset) -> None:
    dataset.PixelData += NAME


def behind_each_frame(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([frame + NAME for frame in frames_of(dataset)])


def a_fragment_more(dataset: Dataset) -> None:
    with_items(dataset, b"", *frames_of(dataset), NAME)


def a_picture_more(dataset: Dataset) -> None:
    frames = frames_of(dataset)
    with_items(dataset, b"", *frames, frames[0] + NAME)


def in_the_table_of_offsets(dataset: Dataset) -> None:
    with_items(dataset, b"\0\0\0\0" + NAME + b"\0\0", *frames_of(dataset))


def in_a_second_fragment(dataset: Dataset) -> None:
    (frame,) = frames_of(dataset)
    half = len(frame) // 2 & ~1
    with_items(dataset, b"", frame[:half], frame[half:] + NAME)


def in_the_table_of_lengths(dataset: Dataset) -> None:
    dataset.add_new(0x7FE00001, "OV", NAME[:32])
    dataset.add_new(0x7FE00002, "OV", NAME[:32])


def in_an_element_beside_them(dataset: Dataset) -> None:
    dataset.add_new(0x7FE00020, "OW", NAME)
    dataset.private_block(0x7FE1, "SOMEBODY", create=True).add_new(0x10, "OB", NAME)


def in_runs(dataset: Dataset) -> None:
    """Between the segments of RLE, behind them, and among the places of segments that there are not."""
    changed = []
    for frame in frames_of(dataset):
        count, *offsets = struct.unpack("<16I", frame[:64])
        segments = [frame[a:b] + NAME for a, b in zip(offsets[:count], [*offsets[1:count], len(frame)], strict=True)]
        starts = [64 + sum(map(len, segments[:place])) for place in range(count)]
        head = struct.pack(f"<{count + 1}I", count, *starts)
        changed.append(head + NAME[: 64 - len(head)].ljust(64 - len(head), b"\0") + b"".join(segments))
    dataset.PixelData = encapsulate(changed)


def behind_a_palette(dataset: Dataset) -> None:
    dataset.GreenPaletteColorLookupTableData += NAME


def behind_a_table(dataset: Dataset) -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTExplanation = [4, 0, 16], ""
    table.add_new(0x00283006, "OW", bytes(8) + NAME)
    dataset.ModalityLUTSequence = [table]


def in_segments(dataset: Dataset) -> None:
    """256 entries in two segments, and what follows them."""
    del dataset.BluePaletteColorLookupTableData
    segments = struct.pack("<HHH", 0, 1, 7) + struct.pack("<HHH", 1, 255, 65535)
    dataset.SegmentedBluePaletteColorLookupTableData = segments + NAME


NATIVE = (
    "CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_implicit.dcm", "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
)  # fmt: skip
CASES: list[tuple[str, Change]] = [
    *((name, behind) for name in NATIVE),
    ("liver_1frame.dcm", behind),
    ("rtdose_1frame.dcm", behind),
    *((name, in_an_element_beside_them) for name in ("CT_small.dcm", "MR_small_RLE.dcm")),
    *(
        (name, change)
        for name in ("MR_small_jp2klossless.dcm", "SC_rgb_jpeg_dcmtk.dcm", "MR_small_jpeg_ls_lossless.dcm")
        for change in (behind_each_frame, a_fragment_more, a_picture_more, in_a_second_fragment)
    ),
    ("examples_ybr_color.dcm", a_fragment_more),
    ("SC_rgb_rle_2frame.dcm", a_fragment_more),
    ("examples_jpeg2k.dcm", in_the_table_of_lengths),
    ("rtdose_rle.dcm", a_fragment_more),
    ("MR_small_RLE.dcm", in_the_table_of_offsets),
    ("MR_small_RLE.dcm", in_runs),
    ("SC_rgb_rle_2frame.dcm", in_runs),
    ("examples_palette.dcm", behind_a_palette),
    ("CT_small.dcm", behind_a_table),
]


@pytest.mark.parametrize(("name", "change"), CASES, ids=[f"{name}-{change.__name__}" for name, change in CASES])
def test_what_no_attribute_declares_does_not_go_out(name: str, change: Change) -> None:
    dataset, before = a_dataset(name), a_dataset(name)
    change(dataset)
    file = written(dataset)
    outcome = deidentified_file(file, Profile(), ONE, pixel_cleaner=NoText())
    assert isinstance(outcome, CleanFile), outcome
    copy = b"".join(outcome.pieces())
    assert outcome.upload().byte_count == len(copy)
    assert NAME[:12] not in copy
    if "jpeg_ls" in name:  # cannot be unpacked here
        assert frames_of(dcmread(BytesIO(copy))) == frames_of(before)
    else:
        assert np.array_equal(dcmread(BytesIO(copy)).pixel_array, before.pixel_array)


def test_what_follows_the_dataset_and_what_lies_before_it_does_not_go_out() -> None:
    file = NAME.ljust(128, b"\0") + written(a_dataset("CT_small.dcm"))[128:] + b"\xfc\xff\xfc\xffOB\0\0"
    outcome = deidentified_file(file + struct.pack("<I", len(NAME)) + NAME, Profile(), ONE)
    assert isinstance(outcome, CleanFile)
    assert NAME[:12] not in b"".join(outcome.pieces())


def test_behind_the_segments_of_a_palette_nothing_goes_out() -> None:
    dataset = a_dataset("examples_palette.dcm")
    in_segments(dataset)
    outcome = deidentified_file(written(dataset), Profile(), ONE, pixel_cleaner=NoText())
    assert isinstance(outcome, CleanFile)
    assert len(outcome.dataset.SegmentedBluePaletteColorLookupTableData) == 12


def a_palette_of_neither_length(dataset: Dataset) -> None:
    dataset.GreenPaletteColorLookupTableDescriptor = [256, 0, 8]
    dataset.GreenPaletteColorLookupTableData += NAME


def without_rows(dataset: Dataset) -> None:
    del dataset.Rows


def more_rows(dataset: Dataset) -> None:
    """The corpus has such a file: 65,535 rows are declared, there are four, and what follows those is anything."""
    dataset.Rows = 65535
    dataset.PixelData += NAME


def fewer_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 40


def no_stream(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([b"\xff\x0a" + NAME])


def no_end(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([frames_of(dataset)[0].replace(b"\xff\xd9", b"")])


def neither_length(dataset: Dataset) -> None:
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData += NAME


def empty_fragments(dataset: Dataset) -> None:
    dataset.PixelData = an_item(b"") * 2_000_000


def long_in_two_fragments(dataset: Dataset) -> None:
    (frame,) = frames_of(dataset)
    with_items(dataset, b"", frame, bytes(256 * 1024**2))


@pytest.mark.parametrize("change", [empty_fragments, long_in_two_fragments])
def test_what_would_fill_the_memory_is_withheld_before_it_does(change: Change) -> None:
    dataset = a_dataset("MR_small_jp2klossless.dcm")
    change(dataset)
    file = written(dataset)
    tracemalloc.start()
    try:
        assert deidentified_file(file, Profile(), ONE) == Withheld(Reason.UNREADABLE)
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("CT_small.dcm", without_rows),
        ("CT_small.dcm", more_rows),
        ("rtdose_rle.dcm", fewer_frames),
        ("MR_small_jp2klossless.dcm", no_stream),
        ("MR_small_jpeg_ls_lossless.dcm", no_end),
        ("SC_ybr_full_422_uncompressed.dcm", neither_length),
        ("examples_palette.dcm", a_palette_of_neither_length),
    ],
)
def test_pixels_whose_extent_cannot_be_told_are_withheld(name: str, change: Change) -> None:
    dataset = a_dataset(name)
    change(dataset)
    assert deidentified_file(written(dataset), Profile(), ONE, pixel_cleaner=NoText()) == Withheld(Reason.UNREADABLE)
