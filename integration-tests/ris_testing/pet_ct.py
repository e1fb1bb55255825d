"""A PET and a CT of one exam, in one frame of reference: a body with one hot spot."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_testing.built_kinds import Built, a_file, an_object

SLICES: Final = 12
SIDE: Final = 64
SPACING_MM: Final = 4.0
SPOT: Final = (32, 32, 6)
"""Column, row and slice of the hot spot's centre."""


def pet_and_ct(engine: Engine) -> str:
    """Both series of a study, stored; its UID. PET in Bq/ml with what standard uptake values need (PS3.3 C.8.9.1)."""
    study_uid, frame_of_reference = str(generate_uid()), generate_uid()
    for modality, storage in (("CT", "2"), ("PT", "128")):
        series_uid = generate_uid()
        for number in range(SLICES):
            image = an_object(Built(modality, storage, modality, pixels=False), study_uid)
            image.SeriesInstanceUID, image.FrameOfReferenceUID = series_uid, frame_of_reference
            image.SeriesNumber, image.InstanceNumber = (1 if modality == "CT" else 2), number + 1
            image.SeriesTime = image.AcquisitionTime = "101500"
            image.SeriesDate = image.AcquisitionDate = "20260105"
            image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            image.ImagePositionPatient = [-128, -128, number * SPACING_MM]
            image.PixelSpacing, image.SliceThickness = [SPACING_MM, SPACING_MM], SPACING_MM
            image.Rows = image.Columns = SIDE
            image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
            image.BitsAllocated = image.BitsStored = 16
            image.HighBit, image.PixelRepresentation = 15, 1
            if modality == "CT":
                image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, -1024, "HU"
                image.WindowCenter, image.WindowWidth = 40, 400
            else:
                _describe_uptake(image)
            image.PixelData = _slice(modality, number).tobytes()
            engine.store_instance(a_file(image))
    return study_uid


def _describe_uptake(image: Dataset) -> None:
    image.PatientWeight, image.Units, image.DecayCorrection = 70, "BQML", "START"
    image.CorrectedImage, image.SeriesType = ["NORM", "ATTN", "DECY"], ["WHOLE BODY", "IMAGE"]
    image.RescaleSlope, image.RescaleIntercept = 1, 0
    drug = Dataset()
    drug.RadiopharmaceuticalStartTime, drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "091500", 3.5e8, 6586.2
    image.RadiopharmaceuticalInformationSequence = [drug]
    image.ActualFrameDuration, image.FrameReferenceTime, image.DecayFactor = 120000, 0, 1


def _slice(modality: str, number: int) -> Any:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    body = (x - 32) ** 2 / 24**2 + (y - 32) ** 2 / 16**2 < 1
    column, row, middle = SPOT
    spot = (x - column) ** 2 + (y - row) ** 2 + (3 * (number - middle)) ** 2 < 6**2
    if modality == "CT":
        return np.where(body, np.where(spot, 1100, 1064), 24).astype("<i2")
    return np.where(spot, 30000, np.where(body, 2500, 0)).astype("<i2")
