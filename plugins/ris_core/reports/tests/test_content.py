"""What a report says, as typed data and as text."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.reports.checks import Flaw, flaws_of
from ris_core.reports.content import (
    SECTION_MAX_CHARACTERS,
    STANDARD_SECTIONS,
    Column,
    Content,
    Field,
    Section,
    Table,
    Text,
    clean_text,
    plain_content,
)
from ris_core.reports.definition import Definition, ExamFacts, Item, TemplateSection, When
from ris_core.reports.filling import filled
from ris_core.reports.rendering import plain_text, texts_of

KIDNEYS = Table(
    "kidneys",
    (Column("Thận"), Column("Dài", "number", "mm"), Column("Đài bể thận")),
    rows=(("Phải", "102", ""), ("Trái", "98,5", "không giãn"), ("Ghép", "", "")),
)
BPD = Field("bpd", "BPD", "number", "mm", minimum="10", maximum="120")


def with_findings(*blocks: Field | Table | Text) -> Content:
    return Content.of((Section("findings", blocks=blocks), Section("conclusion", blocks=(Text("Rõ."),))))


@given(st.text(max_size=300))
def test_cleaned_text_is_printable_normal_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("một\r\nhai\rba", "một\nhai\nba"),
        ("\n\n  thụt vào  \n\n\n\ncuối  \n", "  thụt vào\n\ncuối"),
        ("Ti\u1ebfng Vi\u00ea\u0323t", "Tiếng Việt"),
        ("kh\u200bông\x00 \x0bthấy", "không thấy"),
        ("<b>giữ nguyên</b> & | ^", "<b>giữ nguyên</b> & | ^"),
    ],
)
def test_text_is_kept_as_plain_lines(typed: str, kept: str) -> None:
    assert clean_text(typed) == kept


@given(st.lists(st.text(max_size=80), min_size=4, max_size=4))
def test_four_texts_go_in_and_come_out_as_they_are(typed: list[str]) -> None:
    texts = [clean_text(text) for text in typed]
    content = plain_content(*texts)
    assert list(texts_of(content).items()) == list(zip(STANDARD_SECTIONS, texts, strict=True))
    assert Content.from_json(msgspec.json.decode(content.canonical_bytes())) == content


def test_a_text_has_a_limit() -> None:
    plain_content(findings="x" * SECTION_MAX_CHARACTERS)
    with pytest.raises(InvalidValue):
        plain_content(findings="x" * (SECTION_MAX_CHARACTERS + 1))


def test_moving_text_from_one_section_to_the_next_changes_what_is_hashed() -> None:
    assert plain_content(findings="a", conclusion="b").canonical_bytes() != plain_content("ab").canonical_bytes()
    assert plain_content(findings="a").canonical_bytes() != plain_content(conclusion="a").canonical_bytes()


def test_fields_and_tables_are_written_in_lines_and_empty_ones_not_at_all() -> None:
    content = with_findings(
        Text("Một thai sống."),
        Field("bpd", "BPD", "number", "mm", values=("85,5",)),
        Field("hc", "HC", "number", "mm"),
        Field("seen", "Thấy", "choices", options=("tim", "dạ dày"), values=("tim", "dạ dày")),
        KIDNEYS,
    )
    assert texts_of(content)["findings"].split("\n") == [
        "Một thai sống.",
        "- BPD: 85,5 mm",
        "- Thấy: tim, dạ dày",
        "- Phải: Dài 102 mm",
        "- Trái: Dài 98,5 mm; Đài bể thận không giãn",
    ]
    assert plain_text(content, {"findings": "Mô tả", "conclusion": "Kết luận"}).endswith("KẾT LUẬN\nRõ.")


def test_standard_sections_are_always_there_and_in_their_place() -> None:
    content = Content.of((Section("history", "Bệnh sử"), Section("findings"), Section("doppler", "Doppler")))
    codes = [section.code for section in content.sections]
    assert codes == ["technique", "history", "findings", "conclusion", "recommendation", "doppler"]
    assert all(isinstance(section.blocks[-1], Text) for section in content.sections)


@pytest.mark.parametrize(
    "content",
    [
        {"sections": [{"code": "Findings"}]},
        {"sections": [{"code": "a"}, {"code": "a"}]},
        {"sections": [{"code": "a", "blocks": [{"type": "script", "text": "x"}]}]},
        {"sections": [{"code": "a", "blocks": [{"type": "text", "text": 1}]}]},
        {"sections": [{"code": "a", "blocks": [{"type": "table", "code": "t", "columns": []}]}]},
        {"sections": [{"code": "a"}], "more": 1},
        {"sections": [{"code": f"a{n}"} for n in range(30)]},
        [],
    ],
)
def test_what_is_not_the_content_of_a_report_is_refused(content: object) -> None:
    with pytest.raises(InvalidValue):
        Content.from_json(content)


@pytest.mark.parametrize(
    ("field", "flaw"),
    [
        (msgspec.structs.replace(BPD, values=("85,5",)), None),
        (msgspec.structs.replace(BPD, values=("85,",)), None),
        (msgspec.structs.replace(BPD, values=("tám",)), Flaw.NOT_A_NUMBER),
        (msgspec.structs.replace(BPD, values=("855",)), Flaw.OUT_OF_BOUNDS),
        (msgspec.structs.replace(BPD, required=True), Flaw.MISSING),
        (Field("side", "Bên", "choice", options=("phải", "trái"), values=("giữa",)), Flaw.NOT_AN_OPTION),
        (Field("lmp", "Kinh cuối", "date", values=("31/02/2026",)), Flaw.NOT_A_DATE),
        (Field("lmp", "Kinh cuối", "date", values=("28/02/2026",)), None),
    ],
)
def test_what_cannot_be_meant_is_found_before_approval(field: Field, flaw: Flaw | None) -> None:
    assert [found.flaw for found in flaws_of(with_findings(field))] == ([flaw] if flaw else [])


def a_template() -> Definition:
    woman, man = When(sex="F"), When(sex="M")
    return Definition.of(
        (
            TemplateSection("technique", items=(Item(Text("Đầu dò cong.")),)),
            TemplateSection(
                "findings",
                items=(
                    Item(Text("Gan bình thường.")),
                    Item(Text("Tử cung bình thường."), woman),
                    Item(Text("Tuyến tiền liệt không to."), man),
                    Item(Field("volume", "Thể tích", "number", "ml"), When(sex="M", min_age=40)),
                ),
            ),
            TemplateSection("doppler", "Doppler", (Item(BPD),), When(services=("US.THAI",))),
            TemplateSection("conclusion", items=(Item(Text("Bình thường.")),)),
        )
    )


@pytest.mark.parametrize(
    ("facts", "findings", "fields"),
    [
        (ExamFacts("F", 50), "Gan bình thường.\nTử cung bình thường.", []),
        (ExamFacts("M", 50), "Gan bình thường.\nTuyến tiền liệt không to.", ["volume"]),
        (ExamFacts("M", 39), "Gan bình thường.\nTuyến tiền liệt không to.", []),
        (ExamFacts("M", None), "Gan bình thường.\nTuyến tiền liệt không to.", []),
        (ExamFacts("", 50), "Gan bình thường.", []),
        (ExamFacts("F", 30, "US.THAI"), "Gan bình thường.\nTử cung bình thường.", ["bpd"]),
    ],
)
def test_conditions_decide_what_a_template_brings(facts: ExamFacts, findings: str, fields: list[str]) -> None:
    content, _ = filled(plain_content(), a_template(), facts)
    assert texts_of(content)["findings"] == findings
    blocks = [block for section in content.sections for block in section.blocks]
    assert [block.code for block in blocks if isinstance(block, Field)] == fields


def test_a_template_leaves_what_was_written_unless_told_otherwise() -> None:
    present = plain_content(findings="Đã gõ.", recommendation="Tái khám.")
    content, kept = filled(present, a_template(), ExamFacts())
    assert kept == ("findings",)
    assert texts_of(content)["findings"] == "Đã gõ."
    assert texts_of(content)["technique"] == "Đầu dò cong."
    assert texts_of(content)["recommendation"] == "Tái khám."
    replaced, kept = filled(present, a_template(), ExamFacts(), frozenset({"findings"}))
    assert kept == ()
    assert texts_of(replaced)["findings"] == "Gan bình thường."


def test_a_template_applied_twice_changes_nothing() -> None:
    once, _ = filled(plain_content(), a_template(), ExamFacts("M", 50))
    assert filled(once, a_template(), ExamFacts("M", 50)) == (once, ())


def test_fields_of_two_templates_stay_apart() -> None:
    first, _ = filled(plain_content(), a_template(), ExamFacts("M", 50))
    other = Definition.of((TemplateSection("biometry", "Số đo", (Item(Field("volume", "Thể tích")),)),))
    both, _ = filled(first, other, ExamFacts())
    blocks = [block.code for section in both.sections for block in section.blocks if isinstance(block, Field)]
    assert blocks == ["volume", "volume_2"] or len(set(blocks)) == len(blocks)


def test_a_text_of_very_many_blanks_is_cleaned_in_one_go() -> None:
    """Going back and trying again would take longer than this test may."""
    assert clean_text(" " * 2_000_000) == ""
    assert clean_text("Phổi sáng." + "\t" * 2_000_000 + "\nTim không to.") == "Phổi sáng.\nTim không to."
