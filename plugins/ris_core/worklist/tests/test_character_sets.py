"""Code extensions (PS3.5 6.1.2.5): what is read in queries and in stored images, and what is written to devices."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from ris_core.devices.character_sets import CODECS, encoded_in, name_written_in, written_in
from ris_core.devices.rules import RegisteredDevice
from ris_core.studies.received import decode_text, read_header
from ris_core.worklist.adaptation import told_to
from ris_core.worklist.encoding import as_file, encode_answer
from ris_core.worklist.query import read_query
from ris_core.worklist.tests.builders import an_answer
from ris_testing.dicom_files import a_dicom_file

PATIENT_NAME = 0x00100010
TABLE: list[tuple[str, str]] = [
    ("ISO_IR 100", "LÊ^HÀI"),
    ("ISO_IR 101", "NOVÁK^ŽOFIE"),
    ("ISO_IR 144", "ЛЮКСЕМБУРГ^АННА"),
    ("ISO_IR 166", "สมชาย^ใจดี"),
    ("ISO_IR 192", "NGUYỄN^THỊ ĐÀO"),
    ("GB18030", "王^小东"),
    ("ISO 2022 IR 100", "LÊ^HÀI"),
    ("\\ISO 2022 IR 100", "LÊ^HÀI"),
    ("ISO 2022 IR 6\\ISO 2022 IR 100", "LÊ^HÀI"),
    ("ISO 2022 IR 6\\ISO 2022 IR 101", "NOVÁK^ŽOFIE"),
    ("ISO 2022 IR 6\\ISO 2022 IR 109", "ĜORĠA^ĤANA"),
    ("ISO 2022 IR 6\\ISO 2022 IR 110", "ĶĒNIŅŠ^ŪLA"),
    ("ISO 2022 IR 6\\ISO 2022 IR 126", "ΔΙΟΝΥΣΙΟΣ^Α"),
    ("ISO 2022 IR 6\\ISO 2022 IR 144", "ЛЮКСЕМБУРГ^АННА"),
    ("ISO 2022 IR 6\\ISO 2022 IR 148", "ÇELİK^ŞULE"),
    ("ISO 2022 IR 6\\ISO 2022 IR 166", "สมชาย^ใจดี"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", "JÉRÔME^АННА"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126", "JÉRÔME^АННА^ΔΙΟΝ"),
    ("\\ISO 2022 IR 87", "YAMADA^TAROU=山田^太郎=やまだ^たろう"),
    ("ISO 2022 IR 13\\ISO 2022 IR 87", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("\\ISO 2022 IR 87\\ISO 2022 IR 159", "YAMADA^TAROU=山田^太郎"),
    ("\\ISO 2022 IR 149", "HONG^GILDONG=洪^吉洞=홍^길동"),
]
"""Specific Character Set and a name; pydicom, which writes the bytes here, has its own tables of them."""


@pytest.mark.parametrize(("terms", "name"), TABLE)
def test_a_query_is_read(terms: str, name: str) -> None:
    query = Dataset()
    query.SpecificCharacterSet = terms.split("\\")
    query.PatientName = name
    encoded = DicomBytesIO()
    encoded.is_little_endian, encoded.is_implicit_VR = True, False
    write_dataset(encoded, query)
    assert read_query(as_file(encoded.getvalue(), implicit=False))[PATIENT_NAME].value == name


@pytest.mark.parametrize(("terms", "name"), TABLE)
def test_a_stored_name_is_read(terms: str, name: str) -> None:
    header = read_header(a_dicom_file(SpecificCharacterSet=terms.split("\\"), PatientName=name))
    assert header.text("00100010") == name


def test_a_chinese_name_of_the_standards_own_example_is_read() -> None:
    """PS3.5 K.2; pydicom writes none of these escape sequences, and leaves them in what it reads."""
    terms, name = b"\\ISO 2022 IR 58 ", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab= "
    query = b"\x08\x00\x05\x00CS\x10\x00" + terms + b"\x10\x00\x10\x00PN" + len(name).to_bytes(2, "little") + name
    expected = "Zhang^XiaoDong=张^小东="
    assert read_query(as_file(query, implicit=False))[PATIENT_NAME].value == expected
    assert decode_text(name, "PN", terms).rstrip() == expected


@pytest.mark.parametrize(("terms", "name"), [row for row in TABLE if row[0] in CODECS])
def test_what_a_device_is_told_is_read_by_another_program(terms: str, name: str) -> None:
    device = RegisteredDevice("D", character_set=terms)
    kept = encode_answer(an_answer(patient_name=name, requested_procedure_comments=f"{name}\n{name}"))
    told = dcmread(BytesIO(told_to(kept, device)))
    assert str(told.PatientName) == name_written_in(name, terms)
    assert told.RequestedProcedureComments == f"{name}\n{name}"
    assert (
        "\\".join(
            [told.SpecificCharacterSet] if isinstance(told.SpecificCharacterSet, str) else told.SpecificCharacterSet
        )
        == terms
    )
    assert told.PatientID == "BN1"


@pytest.mark.parametrize("character_set", [term for term in CODECS if "\\" in term])
def test_every_part_between_delimiters_names_its_set_again(character_set: str) -> None:
    letter = bytes([0xE4]).decode(CODECS[character_set])
    text = written_in(f"A{letter}^B{letter}=C", character_set)
    encoded = encoded_in(text, character_set)
    first, second, third = encoded.replace(b"=", b"^").split(b"^")
    assert first.startswith(b"A\x1b-")
    assert second.startswith(b"B\x1b-")
    assert third == b"C"


@pytest.mark.parametrize(
    ("name", "told"),
    [("LÊ^HÀI", "LE^HAI"), ("NGUYỄN^AN=HỒ^Ê", "NGUYEN^AN=HÔ^Ê")],
)
def test_the_first_group_of_a_name_needs_no_escape_sequence(name: str, told: str) -> None:
    """PS3.5 6.2.1.2: what DCMTK warns of otherwise."""
    written = name_written_in(name, "ISO 2022 IR 6\\ISO 2022 IR 100")
    assert written == told
    assert encoded_in(written.partition("=")[0], "ISO 2022 IR 6\\ISO 2022 IR 100").isascii()


def test_a_vietnamese_text_in_latin_1_by_code_extension() -> None:
    text = written_in("NGUYỄN^THỊ ĐÀO", "ISO 2022 IR 6\\ISO 2022 IR 100")
    assert encoded_in(text, "ISO 2022 IR 6\\ISO 2022 IR 100") == b"NGUY\x1b-A\xcaN^THI D\x1b-A\xc0O"
