"""A PET and a CT of one exam as one device makes them: in one frame of reference, each on a grid of its own.

The CT is pydicom's real one, as a volume. The PET is made over its anatomy: tissue takes up a little, one spot much;
its grid, times and quantities are those that a real PET/CT of the kind has.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import dist
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_testing.built_kinds import Built, a_file, an_object

CT_SLICES: Final = 24
PET_SLICES: Final = 9
PET_SIDE: Final = 32
PET_MM: Final = 4.07283
PET_SLICE_MM: Final = 3.0
SPOT_MM: Final = 9.0
"""Radius of the hot spot."""
SLOPE: Final = 9.12329
WEIGHT_KG: Final = 69.7344
DOSE_BQ: Final = 178340011.6
HALF_LIFE_SECONDS: Final = 6586.2
SECONDS_SINCE_INJECTION: Final = 65 * 60 + 17
_OF_THE_CT: Final = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "PixelData",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PetCt:
    study_uid: str
    spot: tuple[float, float, float]
    """Its centre, in millimetres of the patient."""
    elsewhere: tuple[float, float, float]
    """In tissue of the same slice, apart from the spot."""
    spot_suv: float
    """Standard uptake value by body weight (SUVbw)."""


def pet_and_ct(engine: Engine) -> PetCt:
    """Both series, stored."""
    study_uid, frame_of_reference = str(generate_uid()), generate_uid()
    anatomy = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    tissue = anatomy.pixel_array * float(anatomy.RescaleSlope) + float(anatomy.RescaleIntercept) > -300
    left, top, _ = (float(each) for each in anatomy.ImagePositionPatient)
    spacing = float(anatomy.PixelSpacing[0])
    spot, elsewhere = _places(tissue, left, top, spacing)
    for image in _ct(anatomy, study_uid, frame_of_reference):
        engine.store_instance(a_file(image))
    stored = 0
    series_uid = generate_uid()
    for number in range(PET_SLICES):
        origin = (
            left - 2 * PET_MM - 0.7,
            top - 3 * PET_MM + 0.4,
            number * PET_SLICE_MM - 1.3,
        )  # no multiple of the CT's
        pixels = _uptake(origin, spot, tissue, (left, top, spacing))
        stored = max(stored, int(pixels.max()))
        image = an_object(Built("PET", "128", "PT", pixels=False), study_uid)
        image.SeriesInstanceUID, image.FrameOfReferenceUID = series_uid, frame_of_reference
        image.SeriesNumber, image.InstanceNumber = 2, number + 1
        _place(image, origin, PET_MM, PET_SLICE_MM)
        _describe_uptake(image, number)
        image.Rows = image.Columns = PET_SIDE
        image.PixelData = pixels.tobytes()
        engine.store_instance(a_file(image))
    left_over = DOSE_BQ * 2.0 ** (-SECONDS_SINCE_INJECTION / HALF_LIFE_SECONDS)
    return PetCt(study_uid, spot, elsewhere, stored * SLOPE * WEIGHT_KG * 1000 / left_over)


def _places(tissue: npt.NDArray[np.bool_], left: float, top: float, spacing: float) -> tuple[Any, Any]:
    """Two points in tissue of the middle slice: one next to its centre, where planes are cut first, and one apart."""
    rows, columns = np.nonzero(tissue)
    points = [
        (float(left + column * spacing), float(top + row * spacing), CT_SLICES / 2)
        for row, column in zip(rows, columns, strict=True)
    ]
    centre = (left + tissue.shape[1] * spacing / 2, top + tissue.shape[0] * spacing / 2, CT_SLICES / 2)
    spot = min(points, key=lambda point: dist(point, centre))
    return spot, max((point for point in points if dist(point, centre) < 30), key=lambda point: dist(point, spot))


def _ct(anatomy: Dataset, study_uid: str, frame_of_reference: str) -> list[Dataset]:
    made = []
    series_uid = generate_uid()
    for number in range(CT_SLICES):
        image = an_object(Built("CT", "2", "CT", pixels=False), study_uid)
        image.SeriesInstanceUID, image.FrameOfReferenceUID = series_uid, frame_of_reference
        image.InstanceNumber = number + 1
        left, top, _ = (float(each) for each in anatomy.ImagePositionPatient)
        _place(image, (left, top, float(number)), float(anatomy.PixelSpacing[0]), 1.0)
        for keyword in _OF_THE_CT:
            setattr(image, keyword, anatomy[keyword].value)
        image.RescaleType, image.WindowCenter, image.WindowWidth = "HU", 40, 400
        made.append(image)
    return made


def _place(image: Dataset, origin: tuple[float, float, float], spacing: float, thickness: float) -> None:
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [round(each, 4) for each in origin]
    image.PixelSpacing, image.SliceThickness = [spacing, spacing], thickness
    image.SliceLocation = image.ImagePositionPatient[2]


def _describe_uptake(image: Dataset, number: int) -> None:
    """What standard uptake values are counted from (PS3.3 C.8.9.1, C.8.9.2)."""
    image.SeriesDate = image.AcquisitionDate = "20260105"
    image.SeriesTime = image.AcquisitionTime = "152217.000000"  # 65 min 17 s after the injection
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 1
    image.PatientWeight, image.Units, image.DecayCorrection = WEIGHT_KG, "BQML", "START"
    image.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "RADL", "DECY"]
    image.SeriesType, image.CountsSource = ["WHOLE BODY", "IMAGE"], "EMISSION"
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = SLOPE, 0, "BQML"
    image.ImageIndex, image.NumberOfSlices = number + 1, PET_SLICES
    image.ActualFrameDuration, image.FrameReferenceTime, image.DecayFactor = 300000, 149605.34445734, 1.01587
    drug = Dataset()
    drug.RadiopharmaceuticalStartTime, drug.RadionuclideTotalDose = "141700.000000", DOSE_BQ
    drug.RadionuclideHalfLife, drug.RadionuclidePositronFraction = HALF_LIFE_SECONDS, 0.97
    image.RadiopharmaceuticalInformationSequence = [drug]


def _uptake(
    origin: tuple[float, float, float],
    spot: tuple[float, float, float],
    tissue: npt.NDArray[np.bool_],
    ct: tuple[float, float, float],
) -> npt.NDArray[np.int16]:
    """Stored values of one slice: of tissue as the CT has it, and of the spot."""
    row, column = np.mgrid[0:PET_SIDE, 0:PET_SIDE]
    x, y = origin[0] + column * PET_MM, origin[1] + row * PET_MM
    left, top, spacing = ct
    ct_row, ct_column = np.rint((y - top) / spacing).astype(int), np.rint((x - left) / spacing).astype(int)
    inside = (ct_row >= 0) & (ct_row < tissue.shape[0]) & (ct_column >= 0) & (ct_column < tissue.shape[1])
    within = np.zeros(x.shape, bool)
    within[inside] = tissue[ct_row[inside], ct_column[inside]]
    hot = (x - spot[0]) ** 2 + (y - spot[1]) ** 2 + (origin[2] - spot[2]) ** 2 < SPOT_MM**2
    return np.where(hot, 2400, np.where(within, 8, 0)).astype("<i2")
