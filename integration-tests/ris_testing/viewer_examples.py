"""An example of every kind of object for the viewer: pydicom's files, built ones, and those of a corpus.

All of a batch are given to one study, each in a series of its own with a name of its own, so that one page of the
viewer can show them one after another.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_testing.built_kinds import IMAGES, WITHOUT_PICTURE, a_file, an_object, documents

PATIENT: Final = "KINDS"
OF_PYDICOM: Final = {
    "ct": "CT_small.dcm",
    "mr": "MR_small.dcm",
    "mr-big-endian": "MR_small_bigendian.dcm",
    "mr-rle": "MR_small_RLE.dcm",
    "us-colour": "examples_rgb_color.dcm",
    "us-palette": "examples_palette.dcm",
    "us-cine-jpeg": "examples_ybr_color.dcm",
    "us-jpeg-2000": "examples_jpeg2k.dcm",
    "nm-jpeg-2000": "JPEG2000.dcm",
    "capture-jpeg-ls": "JPEGLSNearLossless_08.dcm",
    "capture-jpeg": "SC_rgb_dcmtk_+eb+cr.dcm",
    "capture-deflated": "image_dfl.dcm",
}
"""One file for each class and way of encoding; what setup brings with pydicom, without what it would download."""
TOLD_OF_PYDICOM: Final = {"rt-plan": "rtplan.dcm", "rt-dose": "rtdose_1frame.dcm"}
"""A dose is drawn, and named as a picture that is not for dosimetry."""
_BROKEN: Final = (ValueError, AttributeError, KeyError, OSError, NotImplementedError, RecursionError)
"""What pydicom makes of files that are damaged on purpose."""
WAVEFORM: Final = "waveform_ecg.dcm"


@dataclass(frozen=True)
class Example:
    """An object in a series of its own."""

    name: str
    series_uid: str
    file: bytes
    drawn: bool | None
    """Whether it has to be drawn or has to be named as not drawn; ``None``: either, but one of them."""
    uniform: bool = False
    """Its pixels are all alike: then so is the picture."""


def at_hand(study_uid: str) -> Iterator[Example]:
    """What every machine with the tests has."""
    for name, end in {**OF_PYDICOM, **TOLD_OF_PYDICOM, "ecg": WAVEFORM}.items():
        yield _of_file(name, Path(str(get_testdata_file(end))), study_uid, drawn=name not in TOLD_OF_PYDICOM)
    built = [an_object(kind, study_uid) for kind in (*IMAGES, *WITHOUT_PICTURE)]
    shown = [kind.pixels for kind in (*IMAGES, *WITHOUT_PICTURE)]
    for made, drawn in zip([*built, *documents(study_uid)], [*shown, True, True], strict=True):
        yield Example(str(made.SeriesDescription), str(made.SeriesInstanceUID), a_file(made), drawn)


def of_corpus() -> list[Path]:
    """One file of each combination of modality, class, transfer syntax, photometric interpretation, bits and frames.

    Those of ``manifest.tsv`` in the folder that ``QUANG_CORPUS`` names; none without it.
    """
    root = os.environ.get("QUANG_CORPUS")
    if not root:
        return []
    found: dict[tuple[object, ...], Path] = {}
    for line in Path(root, "manifest.tsv").read_text().splitlines()[1:]:
        name, what = line.split("\t")[:2]
        path = Path(root, name)
        if what == "dicom" and (kind := _kind(path)):
            found.setdefault(kind, path)
    return list(found.values())


def corpus_example(path: Path, study_uid: str) -> Example | None:
    """A file of the corpus as an example; none where it cannot be given to another study (broken files)."""
    try:
        return _of_file(path.name, path, study_uid, drawn=None)
    except _BROKEN:
        return None


def _kind(path: Path) -> tuple[object, ...] | None:
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        frames = int(header.get("NumberOfFrames", 1) or 1)
        if not header.get("SOPClassUID"):
            return None
    except (pydicom.errors.InvalidDicomError, *_BROKEN):
        return None
    return (
        str(header.get("Modality", "")),
        str(header.SOPClassUID),
        str(header.file_meta.get("TransferSyntaxUID", "")),
        str(header.get("PhotometricInterpretation", "")),
        header.get("BitsAllocated"),
        frames > 1,
    )


def _of_file(name: str, path: Path, study_uid: str, *, drawn: bool | None) -> Example:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = pydicom.dcmread(path)
        image.StudyInstanceUID, image.SeriesInstanceUID, image.PatientID = study_uid, generate_uid(), PATIENT
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.SeriesDescription = name
        file = io.BytesIO()
        image.save_as(file)
        return Example(name, str(image.SeriesInstanceUID), file.getvalue(), drawn, _uniform(image))


def _uniform(image: Dataset) -> bool:
    try:
        pixels = np.asarray(image.pixel_array)
    except (AttributeError, ValueError, RuntimeError, NotImplementedError, KeyError, OverflowError):
        return False
    first = pixels[0] if pixels.ndim > 2 and int(image.get("NumberOfFrames", 1) or 1) > 1 else pixels
    return bool(first.min() == first.max())
