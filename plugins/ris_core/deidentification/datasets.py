"""One data set without its patient, or why it is withheld. Pure: no database, clock or network.

What comes out is a new data set with what may be in it, not the old one with something taken away.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pydicom.config import disable_value_validation
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ris_core.deidentification.kinds import PIXELS, Pixels, Reason, withheld_kind
from ris_core.deidentification.profiles import (
    CLEAN_GRAPHICS_CODE,
    CLEAN_PIXELS_CODE,
    METHOD_CODES,
    SAFE_PRIVATE,
    SAFE_PRIVATE_CODE,
    Action,
    Option,
    Profile,
)
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_core.deidentification.subjects import Subjects
from ris_core.deidentification.tables import declared_table
from ris_core.deidentification.values import Cleaner

METHOD: Final = "Quang: DICOM PS3.15 annex E"
UNREADABLE: Final = (
    ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OverflowError, EOFError, RecursionError,
    struct.error,
)  # fmt: skip
"""What pydicom raises for values that are none, and for sequences nested without end."""
_DEEPEST: Final = 16
_SEQUENCES_GONE: Final = frozenset({0x00880200, 0x54000100, 0x00700001})
"""Icon images, waveforms, graphic annotations: whatever the table says."""
_STANDARD_SCHEMES: Final = frozenset({
    "DCM", "SRT", "SCT", "SNM3", "99SDM", "UCUM", "LN", "RADLEX", "FMA", "UMLS", "I10", "I10P", "ICD-10", "ICD-11",
    "NCIT", "MDC", "ACR", "BI", "CD8", "C4", "ITIS_TSN",
})  # fmt: skip
"""Of whose codes the values are published (PS3.16 8)."""
_SCREEN: Final = frozenset({"SCREEN SAVE", "SCREENSAVE", "CAPTURE", "SCREEN", "REPORT", "PASTED", "FILMED", "PROT"})
"""Values of Image Type by which devices name pictures of their screens."""


@dataclass(frozen=True, slots=True)
class Deidentified:
    """What may be given away, once its pixels are as :attr:`look_for_text` says."""

    dataset: Dataset
    """Without pixels."""
    look_for_text: bool
    """People or devices may have written on the image: it may only be shown with every frame looked at."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is given to nobody."""

    reason: Reason


def deidentify(
    dataset: Dataset,
    profile: Profile,
    pseudonyms: Pseudonyms,
    *,
    transfer_syntax_uid: str = "",
    known_texts: Iterable[str] = (),
    patient: str = "",
) -> Deidentified | Withheld:
    """``dataset`` by ``profile``: attributes by PS3.15 table E.1-1, UIDs and patient by ``pseudonyms``.

    :param dataset: of one instance; its pixels are not looked at and not taken over
    :param known_texts: names, numbers and addresses by which the patient is known elsewhere: kept in no text either
    :param patient: the patient's pseudonym; empty: made from the PatientID
    """
    sop_class = str(dataset.get("SOPClassUID", ""))
    if reason := withheld_kind(sop_class, transfer_syntax_uid):
        return Withheld(reason)
    try:
        with disable_value_validation():  # whose warnings have the values in them
            if _has_overlay_in_pixels(dataset):
                return Withheld(Reason.OVERLAY_IN_PIXELS)
            cleaner = Cleaner(profile, pseudonyms, Subjects.of(dataset, known_texts))
            cleaned = _cleaned(dataset, cleaner, depth=0)
    except UNREADABLE:
        return Withheld(Reason.UNREADABLE)
    if cleaned is None:
        return Withheld(Reason.UNREADABLE)
    _say_what_was_done(cleaned, cleaner, patient or pseudonyms.patient(str(dataset.get("PatientID", ""))))
    return Deidentified(cleaned, look_for_text=_may_have_text(dataset, PIXELS[sop_class]))


def note_clean_pixels(dataset: Dataset) -> None:
    """Say that text was looked for in all pixels, and taken out where there was some."""
    dataset.BurnedInAnnotation = "NO"
    dataset.DeidentificationMethodCodeSequence.append(_code(*CLEAN_PIXELS_CODE))


def _cleaned(source: Dataset, cleaner: Cleaner, depth: int) -> Dataset | None:
    """None: sequences are nested deeper than anybody means them."""
    if depth > _DEEPEST:
        return None
    result = Dataset()
    for element in source:
        tag = int(element.tag)
        if tag >> 16 in (0x0000, 0x0002, 0x7FE0, 0xFFFA, 0xFFFC):
            continue
        if element.tag.is_private:
            _keep_safe_private(source, element, result, cleaner)
        elif element.VR == "SQ":
            items = _items(element, cleaner, depth)
            if items is None:
                return None
            if items is not _GONE:
                result.add_new(element.tag, "SQ", items)
        elif (value := cleaner.value(element)) is not None:
            result.add_new(element.tag, element.VR, declared_table(source, tag, value))
    return result


_GONE: Final = Sequence()


def _items(element: DataElement, cleaner: Cleaner, depth: int) -> Sequence | None:
    tag = int(element.tag)
    action = cleaner.profile.action(tag)
    if tag in _SEQUENCES_GONE or tag & 0xFF000000 in (0x50000000, 0x60000000):
        return _GONE
    if action in (Action.REMOVE, Action.CLEAN):
        return _GONE
    if action is Action.EMPTY:
        return Sequence()
    found = Sequence()
    for item in element.value:
        if _is_local_code(item):
            continue
        cleaned = _cleaned(item, cleaner, depth + 1)
        if cleaned is None:
            return None
        found.append(cleaned)
    return found


def _is_local_code(item: Dataset) -> bool:
    """A code that a site has made up: its value may be anything."""
    named = {"CodeValue", "LongCodeValue", "URNCodeValue"} & set(item.dir())
    return bool(named) and str(item.get("CodingSchemeDesignator", "")).strip() not in _STANDARD_SCHEMES


def _keep_safe_private(source: Dataset, element: DataElement, result: Dataset, cleaner: Cleaner) -> None:
    tag = element.tag
    if tag.is_private_creator or tag.element < 0x1000:
        return
    creator = str(element.private_creator or "").strip()
    vr = SAFE_PRIVATE.get((creator, tag.group, tag.element & 0xFF))
    if vr is None or vr != element.VR or (value := cleaner.safe_private(vr, element.value)) is None:
        return
    result.private_block(tag.group, creator, create=True).add_new(tag.element & 0xFF, vr, value)


def _say_what_was_done(cleaned: Dataset, cleaner: Cleaner, pseudonym: str) -> None:
    """The marks that PS3.15 E.1.1 asks for, and the patient's pseudonym."""
    options = cleaner.profile.options
    cleaned.PatientID = cleaned.PatientName = pseudonym
    cleaned.SpecificCharacterSet = "ISO_IR 192"
    cleaned.PatientIdentityRemoved = "YES"
    cleaned.DeidentificationMethod = METHOD
    codes = [METHOD_CODES[None], CLEAN_GRAPHICS_CODE, *(METHOD_CODES[option] for option in Option if option in options)]
    if any(element.tag.is_private for element in cleaned):
        codes.append(SAFE_PRIVATE_CODE)
    cleaned.DeidentificationMethodCodeSequence = Sequence(_code(*code) for code in codes)
    modified = Option.MODIFIED_DATES in options
    cleaned.LongitudinalTemporalInformationModified = "MODIFIED" if modified else "REMOVED"
    for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "ReferringPhysicianName"):
        if keyword not in cleaned:
            setattr(cleaned, keyword, "")  # type 2: there, and empty


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _may_have_text(dataset: Dataset, pixels: Pixels) -> bool:
    if pixels is Pixels.LOOKED_AT or str(dataset.get("BurnedInAnnotation", "")).strip() == "YES":
        return True
    types = {str(each).strip().upper() for each in dataset.get("ImageType") or ()}
    in_colour = int(dataset.get("SamplesPerPixel") or 1) > 1
    return bool(types & _SCREEN) or in_colour or "ConversionType" in dataset


def _has_overlay_in_pixels(dataset: Dataset) -> bool:
    """An overlay without data of its own (retired, PS3.5 8.1.2 of 2004): it lies in the pixels' unused bits."""
    return any(
        element.tag.group & 0xFF00 == 0x6000
        and element.tag.element == 0x0010
        and (element.tag.group << 16 | 0x3000) not in dataset
        for element in dataset
    )
