"""A small volume for viewers: pydicom's CT as a series of slices."""

from __future__ import annotations

import io

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine


def a_volume(engine: Engine) -> str:
    """Twelve slices of pydicom's CT, a millimetre apart; their StudyInstanceUID."""
    study_uid = generate_uid()
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = (
        study_uid,
        generate_uid(),
        generate_uid(),
    )
    left, top, _ = image.ImagePositionPatient
    for number in range(12):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber, image.SliceThickness, image.SpacingBetweenSlices = number + 1, 1, 1
        image.ImagePositionPatient = [left, top, number]
        image.SliceLocation = number
        file = io.BytesIO()
        image.save_as(file)
        engine.store_instance(file.getvalue())
    return str(study_uid)
