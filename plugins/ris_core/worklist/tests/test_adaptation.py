"""Answers rewritten for devices that cannot read Vietnamese, against pydicom."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from ris_core.devices.character_sets import CODECS, is_unicode, name_written_in, written_in
from ris_core.devices.quirks import Quirks
from ris_core.devices.rules import RegisteredDevice
from ris_core.worklist.adaptation import told_to
from ris_core.worklist.encoding import encode_answer
from ris_core.worklist.tests.builders import an_answer

TEXT = st.text(st.characters(max_codepoint=0x1EFF, exclude_categories=["Cs", "Cc", "Cn"]), max_size=40)


def read(encoded: bytes) -> Dataset:
    return dcmread(BytesIO(encoded))


def as_told(device: RegisteredDevice, **answer: str) -> Dataset:
    return read(told_to(encode_answer(an_answer(**answer)), device))


def test_a_device_of_unicode_gets_the_bytes_that_were_kept() -> None:
    answer = encode_answer(an_answer())
    assert told_to(answer, RegisteredDevice("CT1")) is answer


@pytest.mark.parametrize(
    ("character_set", "name", "meaning"),
    [
        ("ISO_IR 100", "NGUYÊN^THI DÀO", "Chup CLVT so não"),
        ("ISO_IR 101", "NGUYEN^THI ĐAO", "Chup CLVT so nao"),
        ("GB18030", "NGUYỄN^THỊ ĐÀO", "Chụp CLVT sọ não"),
        ("ISO_IR 6", "NGUYEN^THI DAO", "Chup CLVT so nao"),
    ],
)
def test_every_text_is_in_the_devices_set_and_everything_else_as_it_was(
    character_set: str, name: str, meaning: str
) -> None:
    device = RegisteredDevice("XR1", character_set=character_set)
    told, kept = as_told(device, patient_name="NGUYỄN^THỊ ĐÀO"), read(encode_answer(an_answer()))
    assert told.SpecificCharacterSet == character_set
    assert told.PatientName == name
    step = told.ScheduledProcedureStepSequence[0]
    assert step.ScheduledProtocolCodeSequence[0].CodeMeaning == meaning
    assert [element.tag for element in told.iterall()] == [element.tag for element in kept.iterall()]
    for keyword in ("PatientID", "AccessionNumber", "StudyInstanceUID", "PatientBirthDate", "RequestedProcedureID"):
        assert told[keyword] == kept[keyword]


@given(name=TEXT, ward=TEXT, comments=TEXT, character_set=st.sampled_from(sorted(CODECS)))
def test_any_text_is_what_the_set_can_hold_of_it(name: str, ward: str, comments: str, character_set: str) -> None:
    answer = {"patient_name": name, "current_patient_location": ward, "requested_procedure_comments": comments}
    kept = read(encode_answer(an_answer(**answer)))
    told = as_told(RegisteredDevice("D", character_set=character_set), **answer)
    for keyword in ("PatientName", "CurrentPatientLocation", "RequestedProcedureComments"):
        expected = str(kept.get(keyword, "") or "")
        if not is_unicode(character_set):
            write = name_written_in if keyword == "PatientName" else written_in
            expected = write(expected, character_set)
        assert str(told.get(keyword, "") or "").rstrip() == expected.rstrip(), keyword
    assert told.RequestedProcedureID == "RP1"


def test_a_name_is_cut_to_what_the_device_can_hold_and_an_identifier_never() -> None:
    device = RegisteredDevice("US1", quirks=Quirks(max_name_length=8))
    told = as_told(device, patient_name="NGUYỄN^THỊ ĐÀO=阮", patient_id="BN" + "1" * 30)
    assert (told.PatientName, told.PatientID) == ("NGUYỄN^T", "BN" + "1" * 30)
    assert told.SpecificCharacterSet == "ISO_IR 192"
