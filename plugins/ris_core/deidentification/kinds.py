"""Which objects can be given to somebody who must not know the patient, and which cannot, by SOP Class (PS3.4 B.5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from pydicom import uid as uids


class Reason(StrEnum):
    """Why an object is withheld."""

    DOCUMENT = "DOCUMENT"
    """Encapsulated PDF, CDA, models: a page or mesh that we cannot look into."""
    REPORT = "REPORT"
    """Structured report or key object selection: prose and names throughout."""
    PRESENTATION = "PRESENTATION"
    """Presentation state: free text drawn over images."""
    WAVEFORM = "WAVEFORM"
    """ECG, audio: annotations, and voices."""
    VIDEO = "VIDEO"
    """Text in moving pictures cannot be taken out without loss."""
    TREATMENT = "TREATMENT"
    """Plans and records of radiotherapy."""
    UNKNOWN_KIND = "UNKNOWN_KIND"
    BURNED_IN_TEXT = "BURNED_IN_TEXT"
    """Its pixels have text, or may have, and were not cleaned."""
    OVERLAY_IN_PIXELS = "OVERLAY_IN_PIXELS"
    """An overlay lies in unused bits of the pixels."""
    UNREADABLE = "UNREADABLE"


class Pixels(StrEnum):
    """What an object's pixels need."""

    RECONSTRUCTED = "RECONSTRUCTED"
    """Computed from measurements; no device writes on them, unless they say so themselves."""
    LOOKED_AT = "LOOKED_AT"
    """Devices and people write on them: text is looked for in every frame."""


_RECONSTRUCTED: Final = (
    uids.CTImageStorage, uids.EnhancedCTImageStorage, uids.LegacyConvertedEnhancedCTImageStorage,
    uids.MRImageStorage, uids.EnhancedMRImageStorage, uids.LegacyConvertedEnhancedMRImageStorage,
    uids.PositronEmissionTomographyImageStorage, uids.EnhancedPETImageStorage,
    uids.LegacyConvertedEnhancedPETImageStorage, uids.NuclearMedicineImageStorage,
    uids.BreastTomosynthesisImageStorage, uids.XRay3DAngiographicImageStorage,
    uids.XRay3DCraniofacialImageStorage, uids.SegmentationStorage, uids.ParametricMapStorage, uids.RTDoseStorage,
    "1.2.840.10008.5.1.4.1.1.5",  # retired: nuclear medicine before 1993
)  # fmt: skip
_LOOKED_AT: Final = (
    uids.ComputedRadiographyImageStorage, uids.DigitalXRayImageStorageForPresentation,
    uids.DigitalXRayImageStorageForProcessing, uids.DigitalMammographyXRayImageStorageForPresentation,
    uids.DigitalMammographyXRayImageStorageForProcessing, uids.DigitalIntraOralXRayImageStorageForPresentation,
    uids.DigitalIntraOralXRayImageStorageForProcessing, uids.BreastProjectionXRayImageStorageForPresentation,
    uids.BreastProjectionXRayImageStorageForProcessing, uids.UltrasoundImageStorage,
    uids.UltrasoundMultiFrameImageStorage, uids.SecondaryCaptureImageStorage,
    uids.MultiFrameSingleBitSecondaryCaptureImageStorage, uids.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uids.MultiFrameGrayscaleWordSecondaryCaptureImageStorage, uids.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uids.XRayAngiographicImageStorage, uids.EnhancedXAImageStorage, uids.XRayRadiofluoroscopicImageStorage,
    uids.EnhancedXRFImageStorage, uids.EnhancedMRColorImageStorage, uids.RTImageStorage,
    uids.VLEndoscopicImageStorage, uids.VLMicroscopicImageStorage, uids.VLPhotographicImageStorage,
    uids.VLSlideCoordinatesMicroscopicImageStorage, uids.EnhancedUSVolumeStorage,
    uids.DermoscopicPhotographyImageStorage, uids.OphthalmicPhotography8BitImageStorage,
    uids.OphthalmicPhotography16BitImageStorage, uids.OphthalmicTomographyImageStorage,
    uids.IntravascularOpticalCoherenceTomographyImageStorageForPresentation,
    uids.IntravascularOpticalCoherenceTomographyImageStorageForProcessing,
    "1.2.840.10008.5.1.4.1.1.3", "1.2.840.10008.5.1.4.1.1.6",  # retired: ultrasound before 1993
)  # fmt: skip
PIXELS: Final[dict[str, Pixels]] = {
    **{str(uid): Pixels.RECONSTRUCTED for uid in _RECONSTRUCTED},
    **{str(uid): Pixels.LOOKED_AT for uid in _LOOKED_AT},
}
"""Every kind that is let out at all."""

_WITHHELD: Final = (
    ("1.2.840.10008.5.1.4.1.1.104.", Reason.DOCUMENT),
    ("1.2.840.10008.5.1.4.1.1.88.", Reason.REPORT),
    ("1.2.840.10008.5.1.4.1.1.11.", Reason.PRESENTATION),
    ("1.2.840.10008.5.1.4.1.1.9.", Reason.WAVEFORM),
    ("1.2.840.10008.5.1.4.1.1.481.", Reason.TREATMENT),
    *((str(uid), Reason.VIDEO) for uid in (
        uids.VideoEndoscopicImageStorage, uids.VideoMicroscopicImageStorage, uids.VideoPhotographicImageStorage,
    )),
)  # fmt: skip
"""Beginnings of the UIDs of SOP Classes that are not."""
_VIDEO_SYNTAXES: Final = (
    *(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109)),
    *(f"1.2.840.10008.1.2.4.{number}.1" for number in range(100, 109)),
)


def withheld_kind(sop_class_uid: str, transfer_syntax_uid: str) -> Reason | None:
    """Why an object of this kind is let out to nobody; none: it may be, once cleaned."""
    if transfer_syntax_uid in _VIDEO_SYNTAXES:
        return Reason.VIDEO
    if sop_class_uid in PIXELS:
        return None
    return next((why for start, why in _WITHHELD if sop_class_uid.startswith(start)), Reason.UNKNOWN_KIND)
