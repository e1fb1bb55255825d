"""Figures that are counted by the database, against exams that are counted by hand."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from ris_core.delivery.models import Delivery
from ris_core.errors import InvalidValue
from ris_core.orders.models import ExamState, ImagingServiceRequest, RequestedProcedure
from ris_core.statistics import output, register, turnaround
from ris_core.statistics.period import Period
from ris_core.statistics.turnaround import Stage
from ris_core.statistics.workbook import Sheet, write_workbook
from ris_core.studies.models import Study, StudyState
from ris_testing.exams import a_reader, a_receiver, an_exam, approved, link_images

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def today(**filters: str) -> Period:
    day = timezone.localdate(timezone=ZONE)
    return Period(day - timedelta(days=1), day + timedelta(days=1), ZONE, **filters)


@pytest.mark.django_db
def test_exams_are_counted_once_however_many_studies_they_have() -> None:
    first = an_exam()
    link_images(first, instance_count=30)
    Study.objects.filter(links__procedure=first).update(instance_count=30)
    an_exam(state=ExamState.ORDERED, images=False)
    an_exam(state=ExamState.CANCELLED, images=False)
    an_exam(modality="MR", service_code="MR.GOI", service_name="CHT gối", state=ExamState.RETURNED)
    [ct, mr] = output.by_service(today())
    assert ct.key[:2] == ("CT", "CT.SONAO")
    assert (ct.ordered, ct.performed, ct.reported, ct.cancelled, ct.patients, ct.images) == (2, 1, 0, 1, 2, 60)
    assert (mr.ordered, mr.reported, mr.returned) == (1, 1, 1)
    assert output.total(today()).ordered == 3
    assert output.total(today(modality="MR")).ordered == 1
    assert [row.key for row in output.by_department(today())] == [("Khoa Nội thần kinh",)]
    assert [each[1:] for each in output.by_day(today())] == [(3, 2)]
    assert output.total(Period(date(2020, 1, 1), date(2020, 1, 31), ZONE)).ordered == 0


@pytest.mark.django_db
def test_images_are_counted_linked_or_waiting() -> None:
    an_exam()
    now = timezone.now()
    Study.objects.create(
        orthanc_id="a" * 8, study_instance_uid="2.25.9", state=StudyState.UNMATCHED, modalities="CT",
        instance_count=7, first_received_at=now, last_received_at=now,
    )  # fmt: skip
    [row] = output.images_received(today())
    assert (row.modalities, row.linked, row.waiting, row.other, row.images) == ("CT", 1, 1, 0, 7)


@pytest.mark.django_db
def test_turnaround_is_told_of_each_stage() -> None:
    exam, receiver = an_exam(), a_receiver()
    version = approved(exam, a_reader())
    began = version.approved_at - timedelta(minutes=100)
    ImagingServiceRequest.objects.filter(pk=exam.request_id).update(ordered_at=began)
    RequestedProcedure.objects.filter(pk=exam.pk).update(images_arrived_at=began + timedelta(minutes=40))
    Delivery.objects.filter(receiver=receiver).update(
        state="ACKNOWLEDGED", acknowledged_at=version.approved_at + timedelta(minutes=3)
    )
    found = {stage.name: stage for stage in turnaround.stages(today())}
    means = {name: round(stage.mean_minutes or 0) for name, stage in found.items()}
    assert means == {"performed": 40, "read": 60, "approved": 100, "returned": 3}
    assert {stage.total for stage in found.values()} == {1}


def test_median_and_percentile_are_read_from_the_classes() -> None:
    stage = Stage("read", (10, 10, *[0] * 16), 6.0)
    assert (stage.median_minutes, stage.p90_minutes) == (5.0, 9.0)
    assert Stage("read", (0,) * 18, None).median_minutes is None
    assert Stage("read", (*[0] * 17, 4), 20000.0).median_minutes is None


@pytest.mark.django_db
def test_the_register_has_a_line_for_each_exam_that_was_performed() -> None:
    exam = an_exam()
    approved(exam, a_reader())
    an_exam(state=ExamState.ORDERED, images=False)
    [line] = register.lines(today())
    assert (line.accession_number, line.patient_identifier[:2]) == (exam.request.accession_number, "BN")
    assert (line.reader, line.state, line.patient_class) == ("Trần Minh Quân", "FINAL", "O")
    assert register.line_count(today()) == 1


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 2, 2), date(2026, 2, 1)), (date(2025, 1, 1), date(2026, 1, 2))]
)
def test_a_period_that_is_none_is_refused(first: date, last: date) -> None:
    with pytest.raises(InvalidValue):
        Period(first, last, ZONE)


def test_a_period_has_its_days_whole_in_the_sites_zone() -> None:
    period = Period(date(2026, 11, 21), date(2026, 11, 21), ZONE)
    assert period.begins_at.astimezone(UTC) == datetime(2026, 11, 20, 17, tzinfo=UTC)
    assert period.ends_at.astimezone(UTC) == datetime(2026, 11, 21, 17, tzinfo=UTC)


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1+1", "-2", "@SUM(A1)", "{=1}", "http://x"])
def test_text_in_a_workbook_is_never_a_formula_nor_a_link(text: str) -> None:
    file = BytesIO()
    moment = datetime(2026, 11, 21, 1, tzinfo=UTC)
    write_workbook(file, [Sheet("Sổ", "Sổ", ["A", "B", "C"], [(text, moment, 3)])], ZONE)
    with zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
        assert 't="inlineStr"' in sheet
