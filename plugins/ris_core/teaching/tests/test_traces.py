"""What in a note tells who the patient is: the name in any order and spelling, numbers, birth date; and what does not
(R10, G3)."""

from __future__ import annotations

import unicodedata

import pytest

from ris_core.teaching.rules import Notes, spread
from ris_core.teaching.traces import Kind, Known, traces_in

KNOWN = Known(
    names=("NGUYỄN THỊ KHUYẾN AN", "NGUYEN^THI KHUYEN^AN"),
    numbers=("BN-0012345", "0912345678", "ACC7788"),
    birth_dates=("19801121",),
    addresses=("12 Lê Lợi, Thanh Xuân",),
)


def found(text: str, known: Known = KNOWN) -> list[tuple[Kind, str]]:
    return [(trace.kind, trace.text) for trace in traces_in({"history": text}, known)]


@pytest.mark.parametrize(
    "text",
    [
        "Nguyễn Thị Khuyến An",
        "nguyen thi khuyen an",
        "An, Khuyến (Nguyễn)",
        "AN KHUYẾN THỊ NGUYỄN",
        unicodedata.normalize("NFD", "khuyến an"),
        "khuyen.an@thu.vn",
        "ảnh của NguyenThiKhuyenAn",
        "Khuyến\u200b-An",
        "ＮＧＵＹＥＮ ＴＨＩ",
        "Bà An đau bụng",
        "bệnh nhân An vào viện",
        "bệnh nhân nữ, tên An",
    ],
)
def test_a_name_is_found_in_any_order_spelling_and_disguise(text: str) -> None:
    assert {kind for kind, _ in found(text)} == {Kind.NAME}, text


@pytest.mark.parametrize(
    "text",
    [
        "Nữ 46 tuổi, đau bụng, vào viện an toàn.",
        "bà an tâm ra về",
        "Hình ảnh khuyến cáo theo dõi",
        "Khối 12 x 34 mm, 5 ổ; T1: 11/2026",
        "sinh năm 1980",
        "theo Nguyen và cộng sự (2021)",
        "12 mm, 345 HU",
        "Lê Lợi",
    ],
)
def test_words_of_medicine_are_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text", ["BN-0012345", "bn 0012345", "BN0012345x", "mã 12345", "091 234 56 78", "acc-7788", "0912.345.678"]
)
def test_numbers_are_found_however_they_are_parted(text: str) -> None:
    known = Known(numbers=("BN-0012345", "0012345", "0912345678", "ACC7788"))
    assert {kind for kind, _ in found(text, known)} == {Kind.NUMBER}, text


@pytest.mark.parametrize(
    "text",
    [
        "21/11/1980", "21-11-80", "1980.11.21", "21111980", "19801121", "ngày 21 tháng 11 năm 1980",
        "21st November 1980", "Nov 21, 1980", "11/1980",
    ],
)  # fmt: skip
def test_a_birth_date_is_found_as_people_write_it(text: str) -> None:
    assert {kind for kind, _ in found(text)} == {Kind.BIRTH_DATE}, text


def test_what_is_found_is_named_as_it_stands_there_with_its_field() -> None:
    notes = {"title": "Ca bà An", "discussion": "nhà ở 12 Lê Lợi, Thanh Xuân"}
    assert [(trace.field, trace.kind, trace.text) for trace in traces_in(notes, KNOWN)] == [
        ("title", Kind.NAME, "bà An"),
        ("discussion", Kind.ADDRESS, "12 Lê Lợi, Thanh Xuân"),
    ]


def test_of_a_birth_year_alone_nothing_is_looked_for() -> None:
    assert found("sinh 1980, chụp 11/1980", Known(birth_dates=("1980",))) == []


def test_notes_are_composed_and_have_tags_once() -> None:
    entered = {"title": "  Viêm\n ruột  thừa\x00", "diagnosis": "x", "tags": "bụng, , ruột thừa,bụng", "y": "z"}
    notes = Notes.of({**entered, "category": "CHEST"})
    assert (notes.title, notes.tags) == ("Viêm ruột thừa", "bụng, ruột thừa")
    assert notes.problems() == {}
    assert Notes.of({"title": "a" * 161, "category": "?"}).problems() == {
        "title": "long", "diagnosis": "missing", "category": "unknown",
    }  # fmt: skip
    assert "viem ruot thua" in notes.search_text()


def test_of_a_long_series_places_are_taken_evenly() -> None:
    assert spread(3, 5) == [0, 1, 2]
    assert spread(100, 4) == [0, 25, 50, 75]


def test_a_place_is_named_once_in_the_order_of_the_text() -> None:
    text = "sinh 21/11/1980, Bà An, chụp tháng 11/1980"
    assert found(text) == [
        (Kind.BIRTH_DATE, "21/11/1980"), (Kind.NAME, "Bà An"), (Kind.BIRTH_DATE, "11/1980"),
    ]  # fmt: skip
