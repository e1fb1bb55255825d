"""Vietnamese names to devices that cannot write them, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.devices.character_sets import CODECS, is_unicode, written_in
from ris_core.devices.quirks import Quirks
from ris_core.devices.returned_names import Manner, manner_of_return, name_as_sent, same_name_as_sent
from ris_core.devices.rules import RegisteredDevice

LATIN_1 = RegisteredDevice("XR1", character_set="ISO_IR 100")
ASCII = RegisteredDevice("XR2", quirks=Quirks(wants_ascii=True))
NAME = "NGUYỄN^THỊ ĐÀO"
VIETNAMESE = "AĂÂBCDĐEÊGHIKLMNOÔƠPQRSTUƯVXYÁÀẢÃẠẮẰẲẴẶẤẦẨẪẬÉÈẺẼẸẾỀỂỄỆÍÌỈĨỊÓÒỎÕỌỐỒỔỖỘỚỜỞỠỢÚÙỦŨỤỨỪỬỮỰÝỲỶỸỴ"


@pytest.mark.parametrize(
    ("character_set", "written"),
    [
        ("ISO_IR 192", NAME), ("GB18030", NAME), ("ISO_IR 6", "NGUYEN^THI DAO"), ("ISO_IR 100", "NGUYÊN^THI DÀO"),
        ("ISO_IR 101", "NGUYEN^THI ĐAO"), ("ISO 2022 IR 100", "NGUYÊN^THI DÀO"), ("ISO_IR 166", "NGUYEN^THI DAO"),
    ],
)  # fmt: skip
def test_what_a_set_lacks_is_its_nearest_letter(character_set: str, written: str) -> None:
    assert written_in(NAME, character_set) == written


@given(st.text(VIETNAMESE + VIETNAMESE.lower() + " ^", max_size=64), st.sampled_from(sorted(CODECS)))
def test_no_vietnamese_letter_becomes_a_question_mark_in_any_set(name: str, character_set: str) -> None:
    written = written_in(name, character_set)
    assert "?" not in written
    assert len(written) == len(name)
    written.encode(CODECS[character_set])
    assert not is_unicode(character_set) or written == name


@pytest.mark.parametrize(
    ("received", "device", "manner"),
    [
        (NAME, LATIN_1, Manner.AS_SENT),
        ("NGUYÊN^THI DÀO", LATIN_1, Manner.AS_SENT),
        ("Nguyen^Thi Dao", LATIN_1, Manner.AS_SENT),
        ("NGUYEN THI DAO", ASCII, Manner.AS_SENT),
        ("NGUY?N^THI D?O", LATIN_1, Manner.MARK_FOR_LETTER),
        ("NGUY_N^TH_ __O", LATIN_1, Manner.MARK_FOR_LETTER),
        ("NGUY???N^TH??? ????O", LATIN_1, Manner.MARK_FOR_BYTE),
        ("NGUYN^TH O", LATIN_1, Manner.LEFT_OUT),
        ("NGUYN^THI DO", LATIN_1, Manner.LEFT_OUT),
        (NAME.encode().decode("latin-1"), RegisteredDevice("CT1"), Manner.MISREAD),
        ("NGUY\ufffdN^THI D\ufffdO", LATIN_1, Manner.MARK_FOR_LETTER),
        ("NGUY?N^THI D?OX", LATIN_1, None),
        ("NGUYÊN^THI DÀ", LATIN_1, None),
        ("TRAN^THI DAO", LATIN_1, None),
        ("???^???", LATIN_1, None),
        ("", LATIN_1, None),
    ],
)
def test_what_comes_back_is_the_name_that_was_sent(
    received: str, device: RegisteredDevice, manner: Manner | None
) -> None:
    assert manner_of_return(received, NAME, device) == manner
    assert same_name_as_sent(received, NAME, device) is (manner is not None)


def test_a_cut_name_is_the_same_only_where_the_device_is_known_to_cut() -> None:
    cutting = RegisteredDevice("US1", quirks=Quirks(returned_lengths={"PatientName": 10}))
    assert same_name_as_sent("NGUYEN^THI", NAME, cutting)
    assert not same_name_as_sent("NGUYEN^TH", NAME, cutting)
    assert not same_name_as_sent("NGUYEN^THI", NAME, LATIN_1)
    short = RegisteredDevice("US2", quirks=Quirks(max_name_length=9, wants_ascii=True))
    assert name_as_sent(NAME, short) == "NGUYEN^TH"
    assert same_name_as_sent("NGUYEN TH", NAME, short)


@given(st.text(VIETNAMESE, min_size=2, max_size=20), st.sampled_from(sorted(CODECS)))
def test_every_name_is_known_again_as_it_was_sent(name: str, character_set: str) -> None:
    device = RegisteredDevice("D", character_set=character_set)
    assert same_name_as_sent(name_as_sent(name, device), name, device)
