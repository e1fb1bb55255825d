"""Text that a device has written into the pixels is blacked out, or the image is given to nobody (R10)."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from pydicom.dataset import Dataset

from ris_core.deidentification.datasets import Withheld
from ris_core.deidentification.files import CleanFile, deidentified_file
from ris_core.deidentification.kinds import Reason
from ris_core.deidentification.pixels import MOST_FRAMES, TextRemover
from ris_core.deidentification.profiles import Profile
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_core.deidentification.text_finding import Box, Grey, text_boxes
from ris_testing.built_kinds import IMAGES, a_file, an_object

ONE = Pseudonyms(b"1" * 32)
ULTRASOUND = next(kind for kind in IMAGES if kind.name == "ultrasound-multiframe")
CAPTURE = next(kind for kind in IMAGES if kind.name == "capture-multiframe-16-bit")
LINE = "NGUYEN THI QUYNH HUONG BN00847213"


def a_screen(text: str, *, bright: int = 230, height: int = 360, width: int = 480) -> Grey:
    """A sector of noise as ultrasound shows it, and a line above."""
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot(x - width / 2, y + 30)
    inside = (distance > 80) & (distance < 330) & (abs(x - width / 2) < (y + 30) * 0.7)
    noise = np.random.default_rng(7).gamma(1.2, 35, (height, width))
    picture = Image.fromarray(np.asarray((inside * noise).clip(0, 255), np.uint8))
    ImageDraw.Draw(picture).text((8, 4), text, fill=bright, font=ImageFont.load_default(14))
    return np.asarray(picture)


def with_pixels(made: Dataset, frames: np.ndarray[Any, Any]) -> bytes:
    """:param frames: frames, rows, columns and for colour samples"""
    made.NumberOfFrames, made.Rows, made.Columns = frames.shape[:3]
    made.PixelData = frames.tobytes() + b"\0" * (frames.nbytes & 1)
    return a_file(made)


def copied(file: bytes) -> Dataset:
    outcome = deidentified_file(file, Profile(), ONE, pixel_cleaner=TextRemover())
    assert isinstance(outcome, CleanFile), outcome
    assert outcome.text_removed
    return dcmread(BytesIO(b"".join(outcome.pieces())))


@pytest.mark.parametrize("bright", [60, 130, 255])
def test_text_is_found_however_faint(bright: int) -> None:
    boxes = text_boxes(a_screen(LINE, bright=bright))
    assert any(box.top <= 8 and box.bottom >= 16 and box.left <= 10 and box.right >= 240 for box in boxes), boxes


def test_where_there_is_no_text_none_is_found() -> None:
    assert text_boxes(a_screen("")) == []


def test_the_line_of_an_ultrasound_screen_is_black_in_every_frame_and_the_image_stays() -> None:
    empty, written = (np.stack([screen] * 3, axis=-1) for screen in (a_screen(""), a_screen(LINE)))
    frames = np.stack([empty, written])

    copy = copied(with_pixels(an_object(ULTRASOUND, "1.2.3"), frames))

    pixels = copy.pixel_array
    assert pixels[:, 2:22, 6:280].max() == 0
    assert np.array_equal(pixels[:, 40:], frames[:, 40:])
    assert copy.BurnedInAnnotation == "NO"
    assert copy.DeidentificationMethodCodeSequence[-1].CodeValue == "113101"


def test_text_on_deep_pixels_is_found_too() -> None:
    screen = a_screen(LINE).astype(np.uint16) * 16
    copy = copied(with_pixels(an_object(CAPTURE, "1.2.3"), screen[np.newaxis]))
    assert copy.pixel_array.reshape(360, 480)[2:22, 6:280].max() == 0


def test_an_image_without_text_keeps_its_pixels_as_they_were() -> None:
    frames = np.stack([np.stack([a_screen("")] * 3, axis=-1)] * 2)
    file = with_pixels(an_object(ULTRASOUND, "1.2.3"), frames)
    outcome = deidentified_file(file, Profile(), ONE, pixel_cleaner=TextRemover())
    assert isinstance(outcome, CleanFile)
    assert not outcome.text_removed
    assert outcome.dataset.BurnedInAnnotation == "NO"
    assert dcmread(BytesIO(b"".join(outcome.pieces()))).PixelData == frames.tobytes()


@pytest.mark.parametrize("why", ["text all over", "pixels that are none", "a film without end"])
def test_in_doubt_the_image_is_withheld(why: str) -> None:
    made = an_object(ULTRASOUND, "1.2.3")
    file = with_pixels(made, np.zeros((2, 64, 64, 3), np.uint8))
    remover = TextRemover(lambda _picture: [Box(0, 0, 40, 64)] if why == "text all over" else [])
    if why == "pixels that are none":
        made.PixelData = made.PixelData[:100]
        file = a_file(made)
    elif why == "a film without end":
        file = with_pixels(made, np.zeros((MOST_FRAMES + 1, 8, 8, 3), np.uint8))
    reason = Reason.UNREADABLE if why == "pixels that are none" else Reason.BURNED_IN_TEXT
    assert deidentified_file(file, Profile(), ONE, pixel_cleaner=remover) == Withheld(reason)
