"""Nothing by which a patient is known is left of a data set, whatever it is and wherever it stands (R10)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, generate_uid

from ris_core.deidentification.datasets import Deidentified, Withheld, deidentify
from ris_core.deidentification.files import CleanFile, deidentified_file
from ris_core.deidentification.kinds import Reason
from ris_core.deidentification.profiles import Action, Option, Profile
from ris_core.deidentification.pseudonyms import Pseudonyms
from ris_testing.traces import Identity, traces, traces_in_dicom, values_of

HUONG = Identity(
    "Nguyễn Thị Quỳnh Hương", date(1957, 3, 28), ("BN00847213", "ACC7745512", "0912847365", "1.2.826.0.1.99.4711.8")
)
PN = "Nguyễn^Quỳnh Hương^Thị"
TEXT = "BN Nguyen Thi Quynh Huong, Hương Quỳnh, BN00847213, ACC7745512, 0912847365, 28/03/1957"
ONE = Pseudonyms(b"1" * 32)
FOLDER = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent


def a_ct() -> Dataset:
    dataset = dcmread(FOLDER / "CT_small.dcm")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = PN, "BN00847213", "19570328"
    dataset.AccessionNumber, dataset.PatientTelephoneNumbers = "ACC7745512", "0912847365"
    dataset.StudyInstanceUID = "1.2.826.0.1.99.4711.8"
    return dataset


def cleaned(dataset: Dataset, profile: Profile | None = None, pseudonyms: Pseudonyms = ONE) -> Dataset:
    outcome = deidentify(dataset, profile or Profile(), pseudonyms)
    assert isinstance(outcome, Deidentified), outcome
    return outcome.dataset


def written(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def copy_of(file: bytes, profile: Profile | None = None) -> bytes:
    outcome = deidentified_file(file, profile or Profile(), ONE)
    assert isinstance(outcome, CleanFile), outcome
    return b"".join(outcome.pieces())


def filled() -> Iterator[tuple[int, str, object]]:
    """Every attribute of the dictionary that can hold text, a date, a UID or bytes, with the patient in it."""
    values: dict[str, object] = {
        "PN": PN, "LO": TEXT[:64], "SH": "BN00847213", "LT": TEXT, "ST": TEXT, "UT": TEXT, "UC": TEXT,
        "CS": "QUYNH HUONG", "AE": "BN00847213", "UR": "http://ris/BN00847213",
        "DA": "19570328", "DT": "19570328101500", "IS": "0912847365",
        "DS": "0912847365", "UI": "1.2.826.0.1.99.4711.8", "OB": TEXT.encode(), "OW": TEXT.encode() + b" ",
        "UN": TEXT.encode(), "OB or OW": TEXT.encode(), "AS": "066Y",
    }  # fmt: skip
    for tag, (vr, *_) in DicomDictionary.items():
        kept = tag >> 16 in (0, 2, 0x7FE0, 0x0028) or tag in (0x00080016, 0x00080005, 0x0020000D)
        if not kept and vr in values:
            yield tag, vr.split()[0], values[vr]


def test_no_attribute_of_the_dictionary_carries_the_patient_out() -> None:
    dataset, nested, deep = a_ct(), Dataset(), Dataset()
    for tag, vr, value in filled():
        for place in (dataset, nested, deep):
            if place is not dataset or tag >> 16 != 0x0010:
                place.add_new(tag, vr, value)
    nested.ReferencedImageSequence = Sequence([deep])
    dataset.SourceImageSequence = Sequence([nested])
    dataset.OriginalAttributesSequence = Sequence([nested])
    dataset.SharedFunctionalGroupsSequence = Sequence([nested])
    dataset.add_new(0x60003000, "OW", TEXT.encode() + b" ")
    dataset.add_new(0x60004000, "LT", TEXT)
    dataset.add_new(0x50003000, "OW", TEXT.encode() + b" ")
    del dataset.PixelData

    found = traces_in_dicom(HUONG, written(dataset))
    assert {"quynh", "huong", "bn00847213", "1.2.826.0.1.99.4711.8", "19570328"} <= set(found)

    copy = cleaned(dataset)
    copy.file_meta = dataset.file_meta
    copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
    assert traces_in_dicom(HUONG, written(copy)) == []


def test_private_attributes_go_but_those_known_to_be_harmless() -> None:
    dataset = a_ct()
    siemens = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0C, "IS", "1000")
    siemens.add_new(0x0D, "CS", "QUYNH HUONG")
    siemens.add_new(0x10, "LO", TEXT[:64])
    dataset.private_block(0x0019, "SIEMENS CSA HEADER", create=True).add_new(0x0C, "IS", "1000")

    copy = cleaned(dataset)

    assert [str(e.value) for e in copy if e.tag.is_private] == ["SIEMENS MR HEADER", "1000"]
    assert "113111" in [code.CodeValue for code in copy.DeidentificationMethodCodeSequence]


def test_the_copy_says_what_was_done() -> None:
    copy = cleaned(a_ct())
    assert copy.PatientIdentityRemoved == "YES"
    assert copy.LongitudinalTemporalInformationModified == "MODIFIED"
    codes = [code.CodeValue for code in copy.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113103", "113105", "113107"]
    assert copy.PatientName == copy.PatientID == ONE.patient("BN00847213")
    assert copy.PatientBirthDate == copy.AccessionNumber == ""
    assert "PatientTelephoneNumbers" not in copy


def test_uids_are_the_same_within_a_secret_and_unrelated_under_another() -> None:
    one, other = a_ct(), a_ct()
    other.SOPInstanceUID = generate_uid()
    copies = cleaned(one), cleaned(other)
    assert copies[0].StudyInstanceUID == copies[1].StudyInstanceUID
    assert copies[0].SOPInstanceUID != copies[1].SOPInstanceUID
    assert copies[0].StudyInstanceUID.startswith("2.25.")
    assert copies[0].SOPClassUID == one.SOPClassUID
    stranger = cleaned(one, pseudonyms=Pseudonyms(b"2" * 32))
    assert stranger.StudyInstanceUID != copies[0].StudyInstanceUID
    assert stranger.PatientID != copies[0].PatientID


def test_intervals_between_dates_stay() -> None:
    dataset = a_ct()
    dataset.StudyDate, dataset.SeriesDate, dataset.AcquisitionDateTime = (
        "20240228",
        "20240301",
        "20240301081500.25+0700",
    )
    copy = cleaned(dataset)
    first, second = (date.fromisoformat(day) for day in (copy.StudyDate, copy.SeriesDate))
    assert second - first == timedelta(days=2)
    assert first < date(2024, 2, 28) - timedelta(days=365)
    assert copy.AcquisitionDateTime == copy.SeriesDate + "081500.25+0700"


def test_without_the_option_there_are_no_dates() -> None:
    copy = cleaned(a_ct(), Profile(options=frozenset()))
    assert copy.StudyDate == ""
    assert copy.LongitudinalTemporalInformationModified == "REMOVED"
    assert copy.get("SeriesDate", "19000101") == "19000101"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("CT CHEST W CONTRAST 1.25mm", "CT CHEST W CONTRAST 1.25mm"),
        ("Chụp CLVT lồng ngực, BN Hương 0912 84 73 65", "Chụp lồng ngực"),
        ("t1_tse_sag L5", "t1 tse sag L5"),
        ("Dr. Smith wants T2", "T2"),
        ("Huong", None),
    ],
)
def test_descriptions_keep_the_words_that_say_nothing_of_anybody(text: str, left: str | None) -> None:
    dataset = a_ct()
    dataset.SeriesDescription = text
    assert cleaned(dataset).get("SeriesDescription") == left


def test_a_word_of_a_description_that_is_the_patients_name_goes() -> None:
    dataset = a_ct()
    dataset.PatientName, dataset.SeriesDescription = "Neck^Axial", "Axial neck chest"
    assert cleaned(dataset).SeriesDescription == "chest"


def test_what_is_known_of_the_patient_elsewhere_stays_in_no_text() -> None:
    dataset = a_ct()
    dataset.ManufacturerModelName = "Lemaire"
    outcome = deidentify(dataset, Profile(), ONE, known_texts=["Lemaire^Anne"])
    assert isinstance(outcome, Deidentified)
    assert "ManufacturerModelName" not in outcome.dataset


def test_codes_of_a_site_go_and_published_ones_stay() -> None:
    dataset, published, own = a_ct(), Dataset(), Dataset()
    published.CodeValue, published.CodingSchemeDesignator, published.CodeMeaning = "T-D3000", "SRT", "Chest"
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "BN00847213", "99LOCAL", "Chest of Huong"
    dataset.AnatomicRegionSequence = Sequence([published, own])
    assert [item.CodeValue for item in cleaned(dataset).AnatomicRegionSequence] == ["T-D3000"]


def test_sex_and_age_stay_only_where_the_profile_says_so() -> None:
    dataset = a_ct()
    dataset.PatientSex, dataset.PatientAge = "F", "094Y"
    assert cleaned(dataset).PatientSex == ""
    kept = cleaned(dataset, Profile(options=frozenset({Option.PATIENT_CHARACTERISTICS})))
    assert (kept.PatientSex, kept.PatientAge) == ("F", "090Y")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test-SR.dcm", Reason.REPORT),
        ("rtplan.dcm", Reason.TREATMENT),
        ("waveform_ecg.dcm", Reason.WAVEFORM),
        ("SC_rgb_rle.dcm", Reason.BURNED_IN_TEXT),
        ("examples_palette.dcm", Reason.BURNED_IN_TEXT),
    ],
)
def test_what_cannot_be_cleaned_is_withheld(name: str, reason: Reason) -> None:
    assert deidentified_file((FOLDER / name).read_bytes(), Profile(), ONE) == Withheld(reason)


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        ("1.2.840.10008.5.1.4.1.1.104.1", Reason.DOCUMENT),
        ("1.2.840.10008.5.1.4.1.1.88.59", Reason.REPORT),
        ("1.2.840.10008.5.1.4.1.1.11.1", Reason.PRESENTATION),
        ("1.2.840.10008.5.1.4.1.1.77.1.1.1", Reason.VIDEO),
        ("1.3.12.2.1107.5.9.1", Reason.UNKNOWN_KIND),
    ],
)
def test_kinds_that_hold_prose_or_pages_are_withheld(sop_class: str, reason: Reason) -> None:
    dataset = a_ct()
    dataset.SOPClassUID = sop_class
    assert deidentify(dataset, Profile(), ONE) == Withheld(reason)


def test_a_moving_picture_is_withheld_by_its_transfer_syntax() -> None:
    outcome = deidentify(a_ct(), Profile(), ONE, transfer_syntax_uid="1.2.840.10008.1.2.4.102")
    assert outcome == Withheld(Reason.VIDEO)


@pytest.mark.parametrize(
    "tags",
    [{"BurnedInAnnotation": "YES"}, {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, {"ConversionType": "WSD"}],
)
def test_a_reconstructed_image_that_says_it_has_text_is_looked_at(tags: dict[str, object]) -> None:
    dataset = a_ct()
    assert deidentify(dataset, Profile(), ONE).look_for_text is False  # type: ignore[union-attr]
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    assert deidentify(dataset, Profile(), ONE).look_for_text is True  # type: ignore[union-attr]


def test_an_overlay_in_unused_bits_of_the_pixels_withholds_the_image() -> None:
    dataset = a_ct()
    dataset.add_new(0x60000010, "US", 128)
    dataset.add_new(0x60000102, "US", 12)
    assert deidentify(dataset, Profile(), ONE) == Withheld(Reason.OVERLAY_IN_PIXELS)


def test_sequences_within_sequences_without_end_are_withheld() -> None:
    dataset, inner = a_ct(), Dataset()
    for _ in range(40):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([inner])
        inner = outer
    dataset.SourceImageSequence = Sequence([inner])
    assert deidentify(dataset, Profile(), ONE) == Withheld(Reason.UNREADABLE)


def test_a_file_is_written_anew_around_the_same_pixels() -> None:
    dataset = a_ct()
    dataset.preamble = b"NGUYEN QUYNH HUONG".ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = "BN00847213"
    dataset.file_meta.PrivateInformationCreatorUID = UID("1.2.826.0.1.99.4711.8")
    dataset.file_meta.PrivateInformation = TEXT.encode()
    dataset.DataSetTrailingPadding = TEXT.encode()
    file = written(dataset)
    assert traces_in_dicom(HUONG, file)

    copy = copy_of(file)

    assert traces_in_dicom(HUONG, copy) == []
    read = dcmread(BytesIO(copy))
    assert read.PixelData == dataset.PixelData
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert copy_of(file) == copy, "a copy that is made again is the same, byte for byte"


def bundled() -> list[Path]:
    further = Path(os.environ.get("QUANG_CORPUS") or Path(__file__).parents[5] / "shared" / "corpus")
    folders = [FOLDER, FOLDER.parent / "charset_files", further / "dicom"]
    files = [path for folder in folders if folder.exists() for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if path.stat().st_size < 8_000_000 and path.read_bytes()[128:132] == b"DICM"]


def test_of_every_file_there_is_no_name_or_number_is_left() -> None:
    """Bundled with pydicom, and of the corpus where there is one."""
    copies = 0
    for path in bundled():
        outcome = deidentified_file(path.read_bytes(), Profile(), ONE)
        if isinstance(outcome, Withheld):
            continue
        copies += 1
        try:
            source = dcmread(path, stop_before_pixels=True)
        except RecursionError:
            continue  # a file of the corpus with sequences nested without end, in an attribute that goes
        numbers = [
            str(source.get(k, "")) for k in ("PatientID", "AccessionNumber", "StudyInstanceUID", "SOPInstanceUID")
        ]
        known = Identity(
            str(source.get("PatientName", "")).replace("^", " ").replace("=", " "),
            date(1801, 1, 1),
            tuple(number for number in numbers if len(number) >= 6),
        )
        copy = dcmread(BytesIO(b"".join(outcome.pieces())))
        copy.pop("PixelData", None)
        left = set(traces(known, "\n".join(values_of(copy)).encode()))
        assert not left - {"anonymized", "anonymous"}, path
    assert copies > 30


def test_the_table_is_that_of_the_standard() -> None:
    """PS3.15 table E.1-1: samples of each action."""
    profile = Profile(options=frozenset())
    assert profile.action(0x00100010) is Action.EMPTY
    assert profile.action(0x00100020) is Action.DUMMY
    assert profile.action(0x00181000) is Action.DUMMY
    assert profile.action(0x0020000D) is Action.REPLACE_UID
    assert profile.action(0x04000561) is Action.REMOVE
    assert profile.action(0x00280010) is None


def test_a_file_that_ends_in_its_pixels_is_withheld() -> None:
    file = (FOLDER / "CT_small.dcm").read_bytes()
    assert deidentified_file(file[:20000], Profile(), ONE) == Withheld(Reason.UNREADABLE)
    assert deidentified_file(b"", Profile(), ONE) == Withheld(Reason.UNREADABLE)
    assert deidentified_file(struct.pack("140x"), Profile(), ONE) == Withheld(Reason.UNREADABLE)
