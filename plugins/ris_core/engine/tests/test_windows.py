"""In which window images are shown whose files name none, or name it where the engine does not look."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import requests
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ris_core.engine.client import Engine
from ris_core.engine.windows import (
    HEAD_BYTES,
    LONGEST_HEAD_BYTES,
    SOFT_TISSUE,
    Grey,
    ImageHead,
    Window,
    read_head,
    window_of,
)

TWELVE_BITS = np.linspace(0, 1000, 10_000).reshape(100, 100)
ALL_OF_THEM = pytest.approx((500, 990), rel=0.02)


def _image(**attributes: Any) -> Dataset:
    image = Dataset()
    image.Modality = "MR"
    image.PhotometricInterpretation = "MONOCHROME2"
    image.BitsStored = 12
    image.PixelRepresentation = 0
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return image


def _voi(centre: float, width: float) -> Dataset:
    group, window = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = centre, width
    group.FrameVOILUTSequence = [window]
    return group


def _pictures(values: npt.NDArray[Any], *, inverse: bool = False) -> Callable[[int, Window], Grey]:
    """What the engine shows of these values in a window."""

    def shown(_frame: int, window: Window) -> Grey:
        part = np.clip((values - (window[0] - window[1] / 2)) / window[1], 0, 1)
        return np.round((1 - part if inverse else part) * 255).astype(np.uint8)

    return shown


def _window(image: Dataset, values: npt.NDArray[Any] = TWELVE_BITS, frame: int = 1) -> Window | None:
    inverse = image.PhotometricInterpretation == "MONOCHROME1"
    return window_of(ImageHead(image, is_whole=True), frame, _pictures(values, inverse=inverse))


@pytest.mark.parametrize(
    "image",
    [
        _image(WindowCenter=500, WindowWidth=900),
        _image(WindowCenter=[500, 40], WindowWidth=[900, 80]),
        _image(PerFrameFunctionalGroupsSequence=[_voi(1, 2)]),
        _image(PhotometricInterpretation="RGB", BitsStored=8),
        _image(PhotometricInterpretation="PALETTE COLOR", BitsStored=16),
        _image(BitsStored=8),
        _image(PhotometricInterpretation="MONOCHROME1", BitsStored=8, RescaleSlope=1, RescaleIntercept=0),
    ],
)
def test_what_the_engine_shows_as_the_file_says_is_left_to_it(image: Dataset) -> None:
    assert _window(image) is None


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "named", [{}, {"WindowCenter": 0, "WindowWidth": 0}, {"WindowCenter": None, "WindowWidth": 80}]
)
def test_without_a_window_it_reaches_from_nearly_the_darkest_to_nearly_the_brightest(
    photometric: str, named: dict[str, Any]
) -> None:
    window = _window(_image(PhotometricInterpretation=photometric, **named))
    assert window == ALL_OF_THEM


def test_a_window_that_all_frames_share_is_taken() -> None:
    assert _window(_image(SharedFunctionalGroupsSequence=[_voi(300, 700)])) == (300, 700)


def test_a_window_of_one_frame_only_is_not_anothers() -> None:
    image = _image(NumberOfFrames=2, PerFrameFunctionalGroupsSequence=[_voi(1, 2), Dataset()])
    assert _window(image, frame=1) is None
    assert _window(image, frame=2) == ALL_OF_THEM


def test_ct_is_shown_as_soft_tissue() -> None:
    assert _window(_image(Modality="CT", RescaleIntercept=-1024, RescaleSlope=1)) == SOFT_TISSUE


def test_eight_bits_that_are_rescaled_have_a_window_of_their_values() -> None:
    assert _window(_image(BitsStored=8, RescaleSlope=4, RescaleIntercept=-100)) is not None


def test_padding_is_no_part_of_the_picture() -> None:
    padded = np.concatenate([np.full(30_000, -2000.0), TWELVE_BITS.ravel()])
    image = _image(PixelRepresentation=1, PixelPaddingValue=-2000)
    assert _window(image, padded) == ALL_OF_THEM
    limited = _image(PixelRepresentation=1, PixelPaddingValue=-2100, PixelPaddingRangeLimit=-1900)
    assert _window(limited, padded) == ALL_OF_THEM
    rescaled = _image(PixelRepresentation=1, PixelPaddingValue=-1000, RescaleSlope=2, RescaleIntercept=0)
    assert _window(rescaled, padded) == ALL_OF_THEM


def test_padding_alone_is_shown_all_the_same() -> None:
    window = _window(_image(PixelPaddingValue=7), np.full(100, 7.0))
    assert window is not None
    assert abs(window[0] - 7) <= window[1]
    assert 0 < window[1] <= 4


def test_one_hot_pixel_does_not_darken_the_rest() -> None:
    hot = TWELVE_BITS.copy()
    hot[0, 0] = 65_000
    window = _window(_image(BitsStored=16), hot)
    assert window is not None
    assert window[1] < 1100


def test_a_small_bright_thing_on_nothing_is_seen() -> None:
    values = np.zeros((100, 100))
    values[50, 50:60] = 900
    assert _window(_image(), values) == pytest.approx((450, 900), rel=0.02)


def test_small_units_keep_their_differences() -> None:
    window = _window(_image(RescaleSlope=1e-6, RescaleIntercept=0), TWELVE_BITS * 1e-6)
    assert window == pytest.approx((500e-6, 990e-6), rel=0.02)


def test_of_many_frames_the_middle_one_decides_for_all() -> None:
    asked: list[int] = []

    def shown(frame: int, window: Window) -> Grey:
        asked.append(frame)
        return _pictures(TWELVE_BITS)(frame, window)

    head = ImageHead(_image(NumberOfFrames=9), is_whole=True)
    assert window_of(head, 1, shown) == window_of(head, 9, shown)
    assert set(asked) == {5}


def test_an_empty_picture_leaves_it_to_the_engine() -> None:
    assert _window(_image(), np.empty(0)) is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_padding_value_is_read_where_the_file_leaves_its_kind_open(syntax: UID) -> None:
    image = _image(PixelRepresentation=1, PixelPaddingValue=-2000, SOPClassUID="1.2", SOPInstanceUID="1.2.3")
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = syntax
    image.add_new(0x7FE00010, "OW", b"\0" * 20)
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    head = read_head(file.getvalue())
    assert head is not None
    assert head.is_whole
    padded = np.concatenate([np.full(30_000, -2000.0), TWELVE_BITS.ravel()])
    assert window_of(head, 1, _pictures(padded)) == ALL_OF_THEM


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CT_small.dcm", SOFT_TISSUE),
        ("MR_small.dcm", None),
        ("examples_palette.dcm", None),
        ("examples_rgb_color.dcm", None),
        ("JPEG2000.dcm", pytest.approx((450.0, 900.0), rel=0.02)),
    ],
)
def test_files_of_devices(name: str, expected: Window | None) -> None:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    with open(path, "rb") as file:
        head = read_head(file.read(HEAD_BYTES))
    assert head is not None
    assert head.is_whole
    assert window_of(head, 1, _pictures(np.array([0.0] * 999 + [900.0]))) == expected


def _deflated(image: Dataset, pixels: int) -> bytes:
    image.SOPClassUID, image.SOPInstanceUID = "1.2", "1.2.3"
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    image.add_new(0x7FE00010, "OW", bytes(pixels))
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


def test_a_deflated_file_is_read_like_others_and_its_beginning_too() -> None:
    file = _deflated(_image(PatientComments=random.Random(1).randbytes(5000).hex()), 100)
    whole, beginning = read_head(file), read_head(file[: len(file) // 2])
    assert whole is not None
    assert beginning is not None
    assert (whole.is_whole, beginning.is_whole) == (True, False)
    assert window_of(whole, 1, _pictures(TWELVE_BITS)) == ALL_OF_THEM


def test_of_a_file_that_was_deflated_a_thousandfold_no_more_is_inflated_than_is_read_of_others() -> None:
    file = _deflated(_image(), 256 * 1024**2)
    assert len(file) < 1024**2
    tracemalloc.start()
    try:
        head = read_head(file)
        assert tracemalloc.get_traced_memory()[1] < 4 * LONGEST_HEAD_BYTES
    finally:
        tracemalloc.stop()
    assert head is not None
    assert head.is_whole


def test_a_head_that_ends_too_soon_says_so() -> None:
    path = get_testdata_file("MR_small.dcm")
    assert isinstance(path, str)
    with open(path, "rb") as file:
        beginning = file.read(700)
    head = read_head(beginning)
    assert head is not None
    assert not head.is_whole
    assert read_head(b"no DICOM at all") is None


def test_the_attributes_of_many_frames_are_read_once() -> None:
    path, read = get_testdata_file("CT_small.dcm"), []
    assert isinstance(path, str)
    with open(path, "rb") as opened:
        file = opened.read()

    class Reading(Engine):
        def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
            read.append(orthanc_id)
            return file[:byte_count]

        def _call(self, method: str, path: str, **options: Any) -> requests.Response:
            answer = requests.Response()
            answer._content = str(options["params"]["window-center"]).encode()
            return answer

    one, other = ("-".join([digit * 8] * 5) for digit in "ab")
    with Reading("http://127.0.0.1", "") as engine:
        shown = [engine.rendered_frame(which, frame, None) for which in (one, other) for frame in (1, 2, 3)]
    assert shown == [b"40"] * 6
    assert read == [one, other]
