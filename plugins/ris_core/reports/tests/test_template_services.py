"""Templates in versions, files of them, phrases and words."""

from __future__ import annotations

import pytest

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.reports.content import Text
from ris_core.reports.definition import Definition, Item, TemplateSection
from ris_core.reports.exchange import exported, imported
from ris_core.reports.models import Phrase, ReportTemplate
from ris_core.reports.phrases import (
    PhraseFacts,
    add_word,
    phrases_for,
    remove_word,
    save_phrase,
    set_phrase_active,
)
from ris_core.reports.template_services import (
    TemplateFacts,
    change_template,
    create_template,
    restore_version,
    set_active,
)
from ris_core.reports.templates import load_templates
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db

FACTS = TemplateFacts("ct-x", "CLVT X", "CT")


def saying(text: str) -> Definition:
    return Definition.of((TemplateSection("conclusion", items=(Item(Text(text)),)),))


def test_every_change_is_a_version_and_an_earlier_one_can_be_taken_again() -> None:
    template = create_template(FACTS, saying("một"), SYSTEM)
    change_template(template.pk, FACTS, saying("hai"), SYSTEM, over=1)
    change_template(template.pk, FACTS, saying("hai"), SYSTEM, over=1)  # the same again: nothing new
    restored = restore_version(template.pk, 1, SYSTEM)
    assert restored.current is not None
    assert (restored.current.number, restored.current.definition) == (3, saying("một").as_json())
    assert list(template.versions.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    assert AuditEvent.objects.filter(action="report_template.saved").count() == 3


def test_who_saves_over_another_version_is_told() -> None:
    template = create_template(FACTS, saying("một"), SYSTEM)
    change_template(template.pk, FACTS, saying("hai"), SYSTEM, over=1)
    with pytest.raises(EditConflict):
        change_template(template.pk, FACTS, saying("ba"), SYSTEM, over=1)


def test_a_code_stands_for_one_template() -> None:
    create_template(FACTS, saying("một"), SYSTEM)
    with pytest.raises(InvalidValue):
        create_template(FACTS, saying("hai"), SYSTEM)
    with pytest.raises(InvalidValue):
        TemplateFacts("Không hợp lệ", "x")


def test_templates_go_from_one_hospital_to_another_and_a_second_time_change_nothing() -> None:
    load_templates()
    rows = list(ReportTemplate.objects.select_related("current"))
    file = exported(rows, SYSTEM)
    assert imported(file, SYSTEM) == (0, 0)
    changed = rows[0]
    change_template(changed.pk, TemplateFacts(changed.code, "tên khác"), saying("khác"), SYSTEM, over=1)
    assert imported(file, SYSTEM) == (0, 1)
    changed.refresh_from_db()
    assert changed.name == rows[0].name


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b'{"format":"x","version":1,"templates":[]}'])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValue):
        imported(data, SYSTEM)


def test_of_a_file_with_one_wrong_template_none_is_taken() -> None:
    create_template(FACTS, saying("một"), SYSTEM)
    file = exported(list(ReportTemplate.objects.select_related("current")), SYSTEM)
    wrong = file.replace(b'"ct-x"', b'"ct-y"').replace(b'"conclusion"', b'"Conclusion!"')
    with pytest.raises(InvalidValue):
        imported(wrong, SYSTEM)
    assert ReportTemplate.objects.count() == 1


def test_a_template_that_is_off_comes_on_again() -> None:
    template = create_template(FACTS, saying("một"), SYSTEM)
    assert not set_active(template.pk, False, SYSTEM).active
    assert set_active(template.pk, True, SYSTEM).active
    with pytest.raises(NotFound):
        set_active(template.pk + 1, True, SYSTEM)


def test_phrases_are_of_one_person_or_of_all_and_fit_the_exam() -> None:
    first, second, exam = a_reader(), a_reader(), an_exam()
    own = save_phrase(None, PhraseFacts("bt", "Của tôi"), first)
    save_phrase(None, PhraseFacts("bt", "Chung", shared=True), first)
    save_phrase(None, PhraseFacts("sn", "Sọ não", modality="CT"), first)
    save_phrase(None, PhraseFacts("us", "Siêu âm", modality="US"), first)
    assert {p.text for p in phrases_for(exam, first.user_id or 0)} == {"Của tôi", "Chung", "Sọ não"}
    assert {p.text for p in phrases_for(exam, second.user_id or 0)} == {"Chung"}
    with pytest.raises(NotFound):
        save_phrase(own.pk, PhraseFacts("bt", "Cướp"), second)
    with pytest.raises(InvalidValue):
        save_phrase(None, PhraseFacts("BT", "Lần nữa"), first)
    set_phrase_active(own.pk, False, first)
    save_phrase(None, PhraseFacts("bt", "Mới"), first)
    with pytest.raises(InvalidValue):
        set_phrase_active(own.pk, True, first)
    assert Phrase.objects.get(pk=own.pk).active is False


def test_words_are_learned_once_and_forgotten() -> None:
    word = add_word("  Xeloda ", SYSTEM)
    assert add_word("XELODA", SYSTEM).pk == word.pk
    assert word.word == "xeloda"
    remove_word(word.pk, SYSTEM)
    for wrong in ("hai từ", "", "a1", "<b>"):
        with pytest.raises(InvalidValue):
            add_word(wrong, SYSTEM)
