"""Macros that fill several sections, and the phrases that come with the suite (R8)."""

from __future__ import annotations

import re

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue
from ris_core.reports.models import Phrase
from ris_core.reports.phrases import PhraseFacts, save_phrase, set_phrase_active
from ris_core.reports.ready_phrases import load_phrases, missing_phrases, ready_phrases
from ris_testing.exams import a_reader

CHOICE = re.compile(r"\[([^\]\n]*)\]")


@pytest.mark.django_db
def test_a_macro_keeps_what_goes_into_which_section() -> None:
    sections = {"conclusion": "Viêm phổi.  \r\n", "findings": "Đám mờ.", "technique": "  "}
    saved = save_phrase(None, PhraseFacts("vp", "", sections=sections, replaces=True), a_reader())
    assert saved.sections == {"findings": "Đám mờ.", "conclusion": "Viêm phổi."}
    assert saved.replaces
    plain = save_phrase(None, PhraseFacts("bt", "Bình thường.", replaces=True), a_reader())
    assert (plain.sections, plain.replaces) == ({}, False)


@pytest.mark.parametrize(
    ("text", "sections"),
    [("", {}), (" ", {"findings": " "}), ("x", {"history": "y"}), ("", {"findings": "x" * 4001})],
    ids=["nothing", "blanks", "another section", "too long"],
)
def test_a_macro_that_says_nothing_or_goes_nowhere_is_refused(text: str, sections: dict[str, str]) -> None:
    with pytest.raises(InvalidValue):
        PhraseFacts("vp", text, sections=sections)


@pytest.mark.django_db
def test_ready_phrases_are_added_once_and_what_the_hospital_has_stays() -> None:
    own = save_phrase(None, PhraseFacts("bt", "Của bệnh viện", shared=True), SYSTEM)
    reader = a_reader()
    set_phrase_active(own.pk, False, reader)
    save_phrase(None, PhraseFacts("ss", "Của tôi"), reader)
    added = load_phrases(SYSTEM)
    assert added == len(ready_phrases()) - 1
    assert Phrase.objects.filter(owner__isnull=True, active=True).count() == added
    assert (load_phrases(SYSTEM), missing_phrases()) == (0, [])
    own.refresh_from_db()
    assert (own.text, own.active) == ("Của bệnh viện", False)


def test_there_are_ready_phrases_for_every_kind_of_exam_and_none_twice() -> None:
    found = ready_phrases()
    assert len({(each.abbreviation, each.modality) for each in found}) == len(found) >= 60
    assert {each.modality for each in found} == {"", "DX", "US", "CT", "MR", "MG", "ES", "ECG"}
    assert sum(len(each.sections) > 1 for each in found) >= 30


@pytest.mark.parametrize("facts", ready_phrases(), ids=lambda each: f"{each.modality or 'all'}-{each.abbreviation}")
def test_every_choice_of_a_ready_phrase_has_options_that_can_be_taken(facts: PhraseFacts) -> None:
    """A stroke divides options: a fraction such as ``1/3 giữa`` would fall apart, and so would brackets in brackets."""
    for text in (facts.text, *facts.sections.values()):
        for inner in CHOICE.findall(text):
            assert "[" not in inner
            options = [option.strip() for option in inner.split("/")]
            assert inner.strip() == "" or (len(options) > 1 and all(options))
            assert len(set(options)) == len(options)
        assert text.count("[") == text.count("]")
