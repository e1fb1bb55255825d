"""What people type and choose finds the exams they mean, and no others."""

from __future__ import annotations

import pytest

from ris_core.exam_search import services
from ris_core.exam_search.expression import All, Any, Expression, Without, Word, all_of
from ris_core.exam_search.services import Found, find, find_typed
from ris_core.exam_search.source import Field
from ris_core.exam_search.words import words_of
from ris_core.orders.models import RequestedProcedure
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db


def _keys(found: Found) -> set[int]:
    return set(found.among(RequestedProcedure.objects.all()).values_list("pk", flat=True))


@pytest.fixture(
    params=[(services.FEW, 1000), (0, 1), (0, 1000)], ids=["few", "many, often", "many, seldom"], autouse=True
)
def _few_or_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(("FEW", "OFTEN"), request.param, strict=True):
        monkeypatch.setattr(services, name, value)


def test_a_report_is_found_by_its_words_whole_or_begun() -> None:
    bleeding, other = an_exam(), an_exam()
    approved(bleeding, a_reader(), conclusion="Xuất huyết dưới nhện.")
    approved(other, a_reader())
    assert _keys(find(all_of(words_of("xuat huyet nhện"), Field.REPORT))) == {bleeding.pk}
    assert _keys(find(all_of(words_of("dưới nh"), Field.REPORT))) == {bleeding.pk}
    assert _keys(find(all_of(words_of("dưới nh"), Field.REPORT, whole=True))) == set()


def test_what_is_typed_looks_for_patients_and_numbers_not_in_reports_or_departments() -> None:
    exam = an_exam()
    approved(exam, a_reader(), conclusion="Nang thận phải.")
    assert _keys(find_typed("nang")) == set()
    assert _keys(find_typed("noi than kinh")) == set()
    assert _keys(find_typed("dao")) == {exam.pk}


def test_words_are_whole_and_beginnings_when_nothing_has_them_whole() -> None:
    whole, begun = an_exam(), an_exam()
    for exam, name in ((whole, "LÊ AN"), (begun, "LÊ ANH")):
        exam.patient.full_name = name
        exam.patient.save()
    assert _keys(find_typed("an le")) == _keys(find_typed("LÊ an")) == {whole.pk}
    assert _keys(find_typed("anh l")) == {begun.pk}
    assert _keys(find_typed("a l")) == {whole.pk, begun.pk}


def test_service_department_and_device_are_found_in_their_fields() -> None:
    exam = an_exam()
    exam.steps.update(station_ae_title="CT_KHU_B", room="Phòng 3")
    for field, text in [
        (Field.SERVICE, "sọ não"), (Field.SERVICE, "CT.SONAO"), (Field.DEPARTMENT, "nội thần"),
        (Field.DEPARTMENT, "PK01"), (Field.DEVICE, "ct_khu_b"), (Field.DEVICE, "phong 3"),
    ]:  # fmt: skip
        assert _keys(find(all_of(words_of(text), field))) == {exam.pk}, text


def test_expressions_combine() -> None:
    head = an_exam()
    chest = an_exam(service_name="Chụp X-quang ngực thẳng", service_code="XQ.NGUC")
    spine = an_exam(service_name="Chụp cột sống ngực", service_code="XQ.CSN")
    chest_only: Expression = Without(Word(Field.SERVICE, "nguc", whole=True), all_of(("cot", "song"), Field.SERVICE))
    assert _keys(find(chest_only)) == {chest.pk}
    either = Any((chest_only, all_of(("so", "nao"), Field.SERVICE)))
    assert _keys(find(either)) == {head.pk, chest.pk}
    assert _keys(find(All((either, Word(Field.NAME, "dao"))))) == {head.pk, chest.pk}
    assert spine.pk not in _keys(find(either))


@pytest.mark.parametrize(
    "text", ["'", '"', "\\", "a'b", 'a"b', ":*", "& | !", "NEAR(", "name : x", "%", "_", "1'2", "1%2"]
)
def test_signs_of_the_search_languages_are_plain_text(text: str) -> None:
    an_exam()
    assert _keys(find_typed(text)) == set()
