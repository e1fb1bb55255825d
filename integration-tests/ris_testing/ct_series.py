"""A CT series of full size: real slices of 512 x 512, as many as wanted, each shifted a little from the last of its
kind, so that all are different and compress as real ones do.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SIDE: Final = 512
_OF_THE_CORPUS: Final = (
    "dicom-test-files/WG04/J2KR/CT1_J2KR",
    "dcm_qa_ct/Philips/S21570/S2020/I220",
    "dcm_qa_ct/Philips/S21570/S2030/I1290",
    "dcm_qa_ct/Philips/S21610/S2010/I10",
)
_OF_PYDICOM: Final = "J2K_pixelrep_mismatch.dcm"


def ct_files(study_uid: str, count: int) -> Iterator[bytes]:
    """Part 10 files, uncompressed, of one series; 527 KB each."""
    series_uid, frame_of_reference = generate_uid(), generate_uid()
    for number, pixels in enumerate(islice(_slices(), count)):
        image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.PatientID, image.PatientName = "CT174", "CT^SERIES"
        image.StudyInstanceUID, image.SeriesInstanceUID = study_uid, series_uid
        image.FrameOfReferenceUID = frame_of_reference
        image.SOPClassUID = CTImageStorage
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber, image.SliceThickness, image.SpacingBetweenSlices = number + 1, 1, 1
        image.ImagePositionPatient = [-200, -200, number]
        image.PixelSpacing, image.SliceLocation = [0.78, 0.78], number
        image.Rows = image.Columns = SIDE
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, -1024
        image.WindowCenter, image.WindowWidth = 40, 400
        for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
            if keyword in image:
                delattr(image, keyword)
        image.PixelData = pixels.tobytes()
        file = io.BytesIO()
        image.save_as(file, enforce_file_format=True)
        yield file.getvalue()


def _slices() -> Iterator[npt.NDArray[np.int16]]:
    root = os.environ.get("QUANG_CORPUS")
    found = [path for name in _OF_THE_CORPUS if root and (path := Path(root, "dicom", name)).is_file()]
    sources = found or [Path(str(get_testdata_file(_OF_PYDICOM)))]
    originals = [_in_stored_units(pydicom.dcmread(path)) for path in sources]
    for number, original in enumerate(cycle(originals)):
        yield np.roll(original, number // len(originals), axis=1)


def _in_stored_units(image: Any) -> npt.NDArray[np.int16]:
    """Hounsfield units + 1024, as most scanners store them."""
    units = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    return np.asarray(np.clip(units + 1024, -2000, 32767), "<i2")
