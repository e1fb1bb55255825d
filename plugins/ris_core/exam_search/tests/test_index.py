"""The index says what the tables say, whatever writes them."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ris_core.audit.services import Actor
from ris_core.exam_search.index import after_migrations, before_migrations, drifted, rebuild
from ris_core.exam_search.source import WATCHED, Watched, source
from ris_core.exam_search.words import words_of
from ris_core.external_results.models import ExternalResult
from ris_core.orders.models import FormerNumber, RequestedProcedure
from ris_core.patients.corrections import edit_patient
from ris_core.patients.merging import merge_patients, unmerge_patients
from ris_core.reports.models import Reading, VersionStatus
from ris_core.reports.recalling import recall
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db

_COLUMNS = [
    (watched, column) for watched in WATCHED for column in watched.columns if column not in ("number", "replaced_at")
]
TEXT = [(watched, column) for watched, column in _COLUMNS if not column.endswith("_id") and column != "state"]


def _row_of(key: int) -> tuple[object, ...]:
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM exam_search WHERE {'procedure_id' if postgresql else 'rowid'} = %s", [key])  # noqa: S608
        return tuple(cursor.fetchone() or ())


def _with_everything() -> RequestedProcedure:
    exam = an_exam()
    approved(exam, a_reader())
    now = timezone.now()
    FormerNumber.objects.create(
        request=exam.request, kind="ACCESSION", value="OLD1", replaced_by="X", replaced_at=now, reason="sai số"
    )
    ExternalResult.objects.create(
        procedure=exam, source="LAB|BVX", result_number="1", status="F", text="Bình thường", digest="1", received_at=now
    )
    return exam


def test_every_table_that_the_index_reads_is_watched() -> None:
    read = set(re.findall(r"(?:FROM|JOIN) (\w+)", source("sqlite")))
    assert read == {watched.table for watched in WATCHED}


@pytest.mark.parametrize(("watched", "column"), TEXT, ids=[f"{w.table}.{c}" for w, c in TEXT])
def test_a_change_by_any_program_is_indexed_at_once(watched: Watched, column: str) -> None:
    exam = _with_everything()
    before = _row_of(exam.pk)
    with connection.cursor() as cursor:
        if watched.table == "reports_reportversion":  # which nothing changes: another one is added
            approved(exam, a_reader(), status=VersionStatus.CORRECTED, conclusion="Gãy xương đòn")
        else:
            cursor.execute(f"UPDATE {watched.table} SET {column} = %s", ["1999" if "birth" in column else "Z9"])  # noqa: S608
    assert drifted() == []
    assert _row_of(exam.pk) != before


def test_an_exam_that_is_moved_is_found_at_its_new_time() -> None:
    exam = an_exam()
    RequestedProcedure.objects.filter(pk=exam.pk).update(scheduled_at=timezone.now() + timedelta(days=3))
    assert drifted() == []


def test_rows_that_come_and_go_are_indexed_and_forgotten() -> None:
    exam = _with_everything()
    assert drifted() == []
    exam.steps.all().delete()
    FormerNumber.objects.all().delete()
    ExternalResult.objects.all().delete()
    exam.patient.identifiers.filter(kind="NI").delete()
    assert drifted() == []
    other = an_exam(images=False)
    other.steps.all().delete()
    other.delete()
    assert drifted() == []
    assert _row_of(other.pk) == ()


def test_a_recalled_report_is_searched_no_more() -> None:
    exam = _with_everything()
    before = _row_of(exam.pk)
    reader = a_reader()
    recall(Reading.objects.get(procedure=exam).pk, 1, "sai bên", reader)
    assert drifted() == []
    recalled = _row_of(exam.pk)
    assert recalled != before
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Gãy xương đòn trái")
    assert drifted() == []
    assert _row_of(exam.pk) not in (recalled, before)


def test_merging_separating_and_renaming_patients_moves_what_finds_their_exams() -> None:
    one, other = an_exam(), an_exam()
    by = Actor("test")
    merge = merge_patients(one.patient_id, other.patient_id, by, reason="một người")
    assert drifted() == []
    unmerge_patients(merge.pk, by, reason="hai người")
    assert drifted() == []
    edit_patient(one.patient_id, by, full_name="LÊ ÁI LY", birth_date="1990", sex="F", reason="sai tên")
    assert drifted() == []


def test_an_index_that_was_bypassed_is_found_out_and_made_anew() -> None:
    exam = an_exam()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM exam_search")
    assert drifted() == [exam.pk]
    rebuild()
    assert drifted() == []


def test_an_upgrade_takes_the_triggers_away_and_makes_them_again_with_the_index() -> None:
    exam = an_exam()
    concerned = SimpleNamespace(app_label="orders")
    before_migrations(plan=[(SimpleNamespace(app_label="jobs"), False)])
    exam.patient.identifiers.update(value="SEEN")
    assert drifted() == []
    before_migrations(plan=[(concerned, False)])
    exam.steps.update(room="Phòng khác")
    other = an_exam()
    after_migrations()  # also when the upgrade was interrupted and a later start has nothing left to migrate
    assert drifted() == []
    assert _row_of(other.pk) != ()
    exam.steps.update(room="Phòng nữa")
    assert drifted() == []


@given(st.text(alphabet=st.sampled_from("aăâđeêơưÁĐỆễộữ zX09-_/.,'\"():“”–\u0301"), max_size=40))
def test_the_database_takes_words_apart_as_queries_are(text: str) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT exam_search_lexemes('n', %s)", [text])
            assert set(cursor.fetchone()[0]) == {f"n:{word}" for word in words_of(text)}
            return
        cursor.execute("DELETE FROM exam_search WHERE rowid = 0")
        cursor.execute(
            "INSERT INTO exam_search (rowid, name) VALUES (0, replace(replace(%s, 'đ', 'd'), 'Đ', 'd'))", [text]
        )
        for word in words_of(text):
            cursor.execute("SELECT rowid FROM exam_search WHERE exam_search MATCH %s", [f'name : "{word}"'])
            assert (0,) in cursor.fetchall(), word
