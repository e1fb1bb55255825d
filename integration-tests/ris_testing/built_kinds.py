"""Objects of kinds of which no freely usable example is at hand: small, made here, valid as far as a viewer looks.

A picture is a bright disc and a darker bar on a slope of grey, so that turns, windows and colours can be told apart.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pypdf import PdfWriter

SIDE: Final = 128
STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
_FRAMES: Final = 4


@dataclass(frozen=True)
class Built:
    """A class of objects: what its name ends in, and what its images are made of."""

    name: str
    storage: str
    """The SOP class, without what all begin with (PS3.4 B.5)."""
    modality: str
    frames: int = 1
    colour: bool = False
    bits: int = 16
    pixels: bool = True


IMAGES: Final = (
    Built("mammography", "1.2", "MG"),
    Built("mammography-for-processing", "1.2.1", "MG"),
    Built("tomosynthesis", "13.1.3", "MG", _FRAMES),
    Built("breast-projection", "13.1.4", "MG", _FRAMES),
    Built("dx-for-processing", "1.1.1", "DX"),
    Built("intra-oral", "1.3", "IO"),
    Built("angiography", "12.1", "XA", _FRAMES, bits=8),
    Built("enhanced-angiography", "12.1.1", "XA", _FRAMES),
    Built("fluoroscopy", "12.2", "RF", _FRAMES),
    Built("angiography-3d", "13.1.1", "XA", _FRAMES),
    Built("nuclear-medicine", "20", "NM", _FRAMES),
    Built("nuclear-medicine-retired", "5", "NM"),
    Built("ultrasound-retired", "6", "US", bits=8),
    Built("ultrasound-multiframe-retired", "3", "US", _FRAMES, colour=True),
    Built("ultrasound-multiframe", "3.1", "US", _FRAMES, colour=True),
    Built("ultrasound-volume", "6.2", "US", _FRAMES, bits=8),
    Built("pet", "128", "PT"),
    Built("enhanced-pet", "130", "PT", _FRAMES),
    Built("legacy-converted-pet", "128.1", "PT", _FRAMES),
    Built("enhanced-mr-colour", "4.3", "MR", _FRAMES, colour=True),
    Built("photograph", "77.1.4", "XC", colour=True),
    Built("microscope", "77.1.2", "GM", colour=True),
    Built("microscope-slide-coordinates", "77.1.3", "SM", colour=True),
    Built("ophthalmic-photograph", "77.1.5.1", "OP", colour=True),
    Built("ophthalmic-photograph-16-bit", "77.1.5.2", "OP"),
    Built("ophthalmic-tomography", "77.1.5.4", "OPT", _FRAMES, bits=8),
    Built("dermoscopy", "77.1.7", "DMS", colour=True),
    Built("capture-multiframe-8-bit", "7.2", "OT", _FRAMES, bits=8),
    Built("capture-multiframe-16-bit", "7.3", "OT", _FRAMES),
    Built("capture-multiframe-colour", "7.4", "OT", _FRAMES, colour=True),
    Built("intravascular-oct", "14.1", "IVOCT", _FRAMES, bits=8),
)
"""Image classes of devices that pydicom's files do not have."""

WITHOUT_PICTURE: Final = (
    Built("mr-spectroscopy", "4.2", "MR", pixels=False),
    Built("raw-data", "66", "OT", pixels=False),
    Built("registration", "66.1", "REG", pixels=False),
    Built("fiducials", "66.2", "FID", pixels=False),
    Built("real-world-values", "67", "RWV", pixels=False),
    Built("key-objects", "88.59", "KO", pixels=False),
    Built("blending-state", "11.4", "PR", pixels=False),
    Built("cda", "104.2", "DOC", pixels=False),
    Built("model-stl", "104.3", "M3D", pixels=False),
    Built("microscopy-annotations", "91.1", "ANN", pixels=False),
    Built("eeg", "9.7.1", "EEG", pixels=False),
    Built("ion-plan", "481.8", "RTPLAN", pixels=False),
    Built("treatment-record", "481.4", "RTRECORD", pixels=False),
)
"""Classes that are kept and not drawn: the viewer has to say so."""


def a_picture(colour: bool = False, bits: int = 16, turn: int = 0) -> npt.NDArray[Any]:
    """The test picture: 128 x 128, the disc at the upper left, the bar at the right."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    grey = (x + y) / (2 * SIDE) * 0.3
    grey = np.where((x - 40) ** 2 + (y - 40) ** 2 < 24**2, 0.95, grey)
    grey = np.where((x > 96) & (x < 108) & (y > 30), 0.6, grey)
    grey = np.roll(grey, turn * 4, axis=0)
    if colour:
        return np.asarray(np.stack([grey, grey * 0.5 + 0.2, 1 - grey], axis=-1) * 255, np.uint8)
    if bits == 8:
        return np.asarray(grey * 255, np.uint8)
    return np.asarray(grey * 4095, np.uint16)


def an_object(kind: Built, study_uid: str, **attributes: Any) -> Dataset:
    """An object of the kind, in a series of its own."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName, made.PatientID, made.PatientBirthDate, made.PatientSex = "KINDS^BUILT", "KINDS", "19700101", "O"
    made.StudyInstanceUID, made.SeriesInstanceUID = study_uid, generate_uid()
    made.StudyDate, made.StudyTime, made.AccessionNumber, made.StudyID = "20260105", "101500", "", "1"
    made.SOPClassUID, made.SOPInstanceUID = UID(STORAGE + kind.storage), generate_uid()
    made.Modality, made.SeriesDescription = kind.modality, kind.name
    made.SeriesNumber, made.InstanceNumber = 1, 1
    if kind.pixels:
        _put_pixels(made, kind)
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def documents(study_uid: str) -> list[Dataset]:
    """A PDF of one empty page and a structured report of one sentence."""
    page = io.BytesIO()
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.write(page)
    content = page.getvalue()
    pdf = an_object(Built("pdf", "104.1", "DOC", pixels=False), study_uid)
    pdf.MIMETypeOfEncapsulatedDocument = "application/pdf"
    pdf.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return [pdf, _a_report(study_uid)]


def _a_report(study_uid: str) -> Dataset:
    report = an_object(Built("text-report", "88.11", "SR", pixels=False), study_uid)
    sentence = Dataset()
    sentence.RelationshipType, sentence.ValueType = "CONTAINS", "TEXT"
    sentence.ConceptNameCodeSequence, sentence.TextValue = [_code("121071", "Finding")], "Khong thay bat thuong."
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence, report.ContentSequence = [_code("18748-4", "Imaging Report", "LN")], [sentence]
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    return report


def _code(value: str, meaning: str, scheme: str = "DCM") -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def a_file(made: Dataset) -> bytes:
    """The object as a Part 10 file."""
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _put_pixels(made: Dataset, kind: Built) -> None:
    bits = 8 if kind.colour else kind.bits
    frames = [a_picture(kind.colour, bits, turn) for turn in range(kind.frames)]
    made.Rows = made.Columns = SIDE
    made.SamplesPerPixel = 3 if kind.colour else 1
    made.PhotometricInterpretation = "RGB" if kind.colour else "MONOCHROME2"
    if kind.colour:
        made.PlanarConfiguration = 0
    made.BitsAllocated = bits
    made.BitsStored = 8 if bits == 8 else 12
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, 0
    if kind.frames > 1:
        made.NumberOfFrames = kind.frames
    if not kind.colour:
        made.WindowCenter, made.WindowWidth = (128, 256) if bits == 8 else (2048, 4096)
        made.RescaleSlope, made.RescaleIntercept = 1, 0
    made.PixelSpacing = [1, 1]
    made.PixelData = b"".join(frame.tobytes() for frame in frames)
