"""A small CT volume with a segmentation (PS3.3 A.51) and a structure set (A.19) of the same cube in it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from ris_core.engine.client import Engine
from ris_testing.built_kinds import SIDE, Built, a_file, an_object

SLICES: Final = 6
_FROM, _TO = 70, 110
"""The cube's edges in columns and rows, on every slice: over what is dark in the images."""


def a_volume_with_overlays(engine: Engine, *overlays: str) -> str:
    """The study's UID; ``overlays`` are ``SEG`` and ``RTSTRUCT``."""
    study_uid, series_uid, space = str(generate_uid()), generate_uid(), generate_uid()
    images = []
    for number in range(SLICES):
        image = an_object(Built("volume", "2", "CT"), study_uid, SeriesInstanceUID=series_uid)
        image.FrameOfReferenceUID, image.InstanceNumber, image.SliceThickness = space, number + 1, 2
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 2 * number]
        images.append(image)
        engine.store_instance(a_file(image))
    made = {"SEG": _segmentation, "RTSTRUCT": _structures}
    for overlay in overlays:
        engine.store_instance(a_file(made[overlay](images)))
    return study_uid


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _code(value: str, meaning: str) -> Dataset:
    return _item(CodeValue=value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)


def _reference(image: Dataset) -> Dataset:
    return _item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)


def _segmentation(images: list[Dataset]) -> Dataset:
    first = images[0]
    made = an_object(Built("segmentation", "66.4", "SEG", pixels=False), str(first.StudyInstanceUID))
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = first.FrameOfReferenceUID, ""
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "CUBE", "", "TEST"
    made.SegmentationType, made.SegmentsOverlap = "BINARY", "NO"
    made.ImageType, made.LossyImageCompression = ["DERIVED", "PRIMARY"], "00"
    made.Rows = made.Columns = SIDE
    made.NumberOfFrames, made.SamplesPerPixel, made.PhotometricInterpretation = len(images), 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = made.PixelRepresentation = 0
    made.SegmentSequence = [
        _item(
            SegmentNumber=1,
            SegmentLabel="Khối",
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=[_code("49755003", "Morphologically abnormal structure")],
            SegmentedPropertyTypeCodeSequence=[_code("4147007", "Mass")],
            RecommendedDisplayCIELabValue=[34885, 53485, 50171],
        )
    ]
    made.ReferencedSeriesSequence = [
        _item(
            SeriesInstanceUID=first.SeriesInstanceUID,
            ReferencedInstanceSequence=[_reference(image) for image in images],
        )
    ]
    made.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=generate_uid())]
    measures = _item(PixelSpacing=[1, 1], SliceThickness=2, SpacingBetweenSlices=2)
    orientation = _item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    made.SharedFunctionalGroupsSequence = [
        _item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    made.PerFrameFunctionalGroupsSequence = [
        _item(
            FrameContentSequence=[_item(DimensionIndexValues=[1, number + 1])],
            PlanePositionSequence=[_item(ImagePositionPatient=image.ImagePositionPatient)],
            SegmentIdentificationSequence=[_item(ReferencedSegmentNumber=1)],
            DerivationImageSequence=[_item(SourceImageSequence=[_reference(image)], DerivationCodeSequence=[])],
        )
        for number, image in enumerate(images)
    ]
    mask = np.zeros((len(images), SIDE, SIDE), np.uint8)
    mask[:, _FROM:_TO, _FROM:_TO] = 1
    made.PixelData = np.packbits(mask.ravel(), bitorder="little").tobytes()
    return made


def _structures(images: list[Dataset]) -> Dataset:
    first = images[0]
    made = an_object(Built("structures", "481.3", "RTSTRUCT", pixels=False), str(first.StudyInstanceUID))
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "CUBE", "20260105", "101500"
    series = _item(
        SeriesInstanceUID=first.SeriesInstanceUID, ContourImageSequence=[_reference(image) for image in images]
    )
    study = _item(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    made.FrameOfReferenceUID = first.FrameOfReferenceUID
    made.ReferencedFrameOfReferenceSequence = [
        _item(FrameOfReferenceUID=first.FrameOfReferenceUID, RTReferencedStudySequence=[study])
    ]
    made.StructureSetROISequence = [
        _item(
            ROINumber=1,
            ReferencedFrameOfReferenceUID=first.FrameOfReferenceUID,
            ROIName="Khối",
            ROIGenerationAlgorithm="MANUAL",
        )
    ]
    made.ROIContourSequence = [
        _item(
            ReferencedROINumber=1, ROIDisplayColor=[255, 64, 64], ContourSequence=[_contour(image) for image in images]
        )
    ]
    made.RTROIObservationsSequence = [
        _item(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="", ROIInterpreter="")
    ]
    made.ApprovalStatus = "UNAPPROVED"
    return made


def _contour(image: Dataset) -> Dataset:
    height = image.ImagePositionPatient[2]
    corners = [(_FROM, _FROM), (_TO, _FROM), (_TO, _TO), (_FROM, _TO)]
    return _item(
        ContourImageSequence=[_reference(image)],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(corners),
        ContourData=[value for column, row in corners for value in (column, row, height)],
    )
