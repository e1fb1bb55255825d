"""The SeriesInstanceUID found in the bytes of a file is the one that pydicom reads, or it is not found."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from ris_core.studies.dicom_file import series_instance_uid
from ris_testing.dicom_files import a_dicom_file

SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


def real_files() -> Iterator[Path]:
    yield from sorted(Path(str(get_testdata_file("CT_small.dcm", download=False))).parent.glob("*.dcm"))
    corpus = Path(os.environ.get("QUANG_CORPUS") or Path(__file__).parents[5] / "shared" / "corpus") / "dicom"
    yield from (path for path in sorted(corpus.rglob("*")) if path.is_file() and path.stat().st_size < 2_000_000)


def test_of_every_real_file_it_is_what_pydicom_reads() -> None:
    found = 0
    for path in real_files():
        file = path.read_bytes()
        if file[128:132] != b"DICM":
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = pydicom.dcmread(path, stop_before_pixels=True, force=True).get("SeriesInstanceUID", "")
        except Exception:  # noqa: BLE001, S112 (broken files are of the corpus)
            continue
        uid = series_instance_uid(file)
        found += bool(uid)
        assert uid in ("", read), path
    assert found > 30


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_references_to_other_series_before_it_are_passed_over(syntax: str) -> None:
    inner, item = Dataset(), Dataset()
    inner.SeriesInstanceUID = "1.9.9"
    item.SeriesInstanceUID, item.ReferencedStudySequence = "1.9.8", [inner]
    file = a_dicom_file(syntax=syntax, SeriesInstanceUID="1.2.3", ReferencedSeriesSequence=[item])
    assert series_instance_uid(file) == "1.2.3"


@pytest.mark.parametrize("uid", ["", "1.2\\1.3", "1.2 .3", "abc"])
def test_what_is_no_uid_is_not_found(uid: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = a_dicom_file(SeriesInstanceUID="1.2.345").replace(b"1.2.345", uid.encode().ljust(7, b" "))
    assert series_instance_uid(file) == ""


@settings(deadline=None)
@given(st.data())
def test_damaged_files_are_no_error(data: st.DataObject) -> None:
    file = bytearray(a_dicom_file(SeriesInstanceUID="1.2.3"))
    for _ in range(data.draw(st.integers(0, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    series_instance_uid(bytes(file[: data.draw(st.integers(0, len(file)))]))
