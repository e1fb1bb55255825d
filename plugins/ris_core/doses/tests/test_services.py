"""Films and exposures are counted, times put right: by whom, from what, kept with what was before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.devices.models import ImagingService
from ris_core.doses.models import ExamDose, TimeCorrection
from ris_core.doses.reading import of_performed_step, run_read_dose
from ris_core.doses.services import correct_time, counts_of, set_counts
from ris_core.doses.tests.rdsr import ct_report, file_of
from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.orders.models import RequestedProcedure
from ris_core.performed.models import PerformedFor, PerformedProcedureStep
from ris_core.reports.models import ReportVersion
from ris_core.statistics.output import by_service, total
from ris_core.statistics.period import Period
from ris_core.statistics.register import lines
from ris_core.statistics.turnaround import stages
from ris_core.studies.effects import images_are_complete, images_are_gone
from ris_core.studies.models import Study, StudyLink
from ris_core.studies.sharing import sharing
from ris_testing.dicom_files import a_dicom_file
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db

PERFORMS = {"TECHNOLOGIST", "RADIOLOGIST", "SENIOR"}


class Archive(Engine):
    """Holds dose reports and images."""

    def __init__(self, reports: list[bytes] | None = None, images: list[bytes] | None = None) -> None:
        self._files = {"SR": reports or [], "": images or []}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def images_of(self, study_id: str, **query: str) -> list[StoredImage]:
        kind = query.get("Modality", "")
        return [
            StoredImage(
                OrthancId("-".join([f"{number:08x}"] * 5)), "1.2", f"1.{number}", "1.2", *(0 if kind else 64,) * 2, 1
            )
            for number in range(len(self._files[kind]))
        ]

    def instance_file(self, orthanc_id: str) -> bytes:
        return self._files["SR"][int(orthanc_id[:8], 16)]

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        return self._files[""][int(orthanc_id[:8], 16)][:byte_count]


def read(exam: RequestedProcedure, archive: Archive) -> ExamDose | None:
    with patch("ris_core.doses.reading.Engine.from_settings", return_value=archive):
        run_read_dose(str(exam.pk))
    return ExamDose.objects.filter(procedure=exam).first()


def performed(exam: RequestedProcedure, **attributes: Any) -> None:
    step = PerformedProcedureStep.objects.create(
        sop_instance_uid="1.2.3", ae_title="CT1", study_instance_uid=exam.study_instance_uid, attributes=attributes,
        created_at=timezone.now(),
    )  # fmt: skip
    PerformedFor.objects.create(performed=step, procedure=exam)


def _value(vr: str, value: object) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


# --- dose -----------------------------------------------------------------------------------------


def test_a_stored_report_counts_before_what_the_device_and_the_images_say() -> None:
    exam = an_exam()
    performed(exam, **{"00400301": _value("US", 3), "0018115E": _value("DS", 25)})
    images = [a_dicom_file(CTDIvol=9.5)]
    found = read(exam, Archive([file_of(ct_report(300, [("1.1", 12)]))], images))
    assert found is not None
    assert (found.source, found.dlp_mgy_cm, found.ctdivol_mgy) == ("REPORT", 300, 12)
    again = read(exam, Archive(images=images))
    assert again is not None
    assert (again.source, again.dap_gy_cm2, again.exposures, again.dlp_mgy_cm) == ("MPPS", 2.5, 3, None)


def test_without_report_and_device_the_images_tell() -> None:
    found = read(an_exam(), Archive(images=[a_dicom_file(CTDIvol=9.5), a_dicom_file(CTDIvol=11.0)]))
    assert found is not None
    assert (found.source, found.ctdivol_mgy) == ("IMAGES", 11.0)
    plain = read(an_exam(modality="DX"), Archive(images=[a_dicom_file(ImageAndFluoroscopyAreaDoseProduct=1.5)] * 2))
    assert plain is not None
    assert [plain.dap_gy_cm2, plain.exposures] == pytest.approx([0.3, 2])


def test_where_nothing_tells_nothing_is_kept() -> None:
    assert read(an_exam(), Archive(images=[a_dicom_file()])) is None
    assert of_performed_step({}).is_empty


def test_a_dose_read_of_images_linked_by_mistake_goes_with_them() -> None:
    exam = an_exam()
    link = exam.links.get()
    report = Archive([file_of(ct_report(300, [("1.1", 12)]))])
    assert read(exam, report) is not None
    assert read(exam, Archive()) is not None, "the engine has lost the images, not the exam its dose"
    exam.links.update(undone_at=timezone.now())
    images_are_gone(exam, link, timezone.now())
    assert Job.objects.filter(kind="read_dose", subject_id=str(exam.pk)).exists()
    assert read(exam, report) is None


def test_a_dose_goes_when_the_images_linked_now_tell_of_none() -> None:
    exam = an_exam()
    assert read(exam, Archive([file_of(ct_report(300, [("1.1", 12)]))])) is not None
    assert read(exam, Archive(images=[a_dicom_file()])) is None


def _share(exam: RequestedProcedure, other: RequestedProcedure) -> None:
    """The other exam has the study of the first, too, and its own no more."""
    other.links.all().delete()
    StudyLink.objects.create(study=exam.links.get().study, procedure=other, how="PERSON", linked_at=timezone.now())


def _period() -> Period:
    today = timezone.localdate()
    return Period(today - timedelta(days=1), today + timedelta(days=1), ZoneInfo("Asia/Ho_Chi_Minh"))


def test_a_study_of_two_exams_is_shown_with_both_and_counted_once() -> None:
    head, neck = an_exam(), an_exam()
    Study.objects.filter(links__procedure=head).update(instance_count=100)
    _share(head, neck)
    archive = Archive([file_of(ct_report(300, [("1.1", 12)]))])
    for exam in (head, neck):
        found = read(exam, archive)
        assert found is not None
        assert found.dlp_mgy_cm == 300
    first, second = lines(_period())
    assert [(each.dlp_mgy_cm, each.images) for each in (first, second)] == [(300, 100), (None, 0)]
    assert first.shared_with == neck.request.accession_number
    assert second.shared_with == head.request.accession_number
    assert (total(_period()).images, [row.images for row in by_service(_period())]) == (100, [100])
    assert [each.pk for each in sharing(head.pk)] == [neck.pk]


def test_of_an_exam_with_a_shared_and_an_own_study_the_own_is_counted() -> None:
    head, neck = an_exam(), an_exam()
    own = neck.links.get()
    StudyLink.objects.create(study=head.links.get().study, procedure=neck, how="PERSON", linked_at=timezone.now())
    report = file_of(ct_report(300, [("1.1", 12)]))

    class Two(Archive):
        def images_of(self, study_id: str, **query: str) -> list[StoredImage]:
            found = super().images_of(study_id, **query)
            return found[1:] if study_id == own.study.orthanc_id else found[:1]

    found = read(neck, Two([report, file_of(ct_report(40, [("2.1", 5)]))]))
    assert found is not None
    assert (found.dlp_mgy_cm, found.counted_dlp_mgy_cm) == (340, 40)


def test_who_counts_a_study_is_found_anew_when_the_first_exam_loses_it() -> None:
    head, neck = an_exam(), an_exam()
    _share(head, neck)
    link = head.links.get()
    head.links.update(undone_at=timezone.now())
    images_are_gone(head, link, timezone.now())
    assert set(Job.objects.filter(kind="read_dose").values_list("subject_id", flat=True)) == {
        str(head.pk),
        str(neck.pk),
    }
    found = read(neck, Archive([file_of(ct_report(300, [("1.1", 12)]))]))
    assert found is not None
    assert found.counted_dlp_mgy_cm == 300


@pytest.mark.parametrize(("modality", "reads"), [("CT", True), ("US", False), ("MR", False)])
def test_doses_are_read_when_images_are_complete(modality: str, reads: bool) -> None:
    exam = an_exam(modality=modality)
    link = exam.links.get()
    images_are_complete(exam, link.study, timezone.now())
    assert Job.objects.filter(kind="read_dose", subject_id=str(exam.pk)).exists() is reads


# --- counts ---------------------------------------------------------------------------------------


def test_counts_begin_with_what_the_device_said() -> None:
    exam = an_exam()
    assert counts_of(exam).exposures == 0
    films = {"vr": "SQ", "Value": [{"21000170": _value("IS", 2)}]}
    performed(exam, **{"00400301": _value("US", 3), "00400321": films})
    assert (counts_of(exam).films, counts_of(exam).exposures, counts_of(exam).counted) == (2, 3, None)
    set_counts(exam.pk, 1, 4, a_reader(role=Role.TECHNOLOGIST))
    assert (counts_of(exam).films, counts_of(exam).exposures) == (1, 4)
    details = AuditEvent.objects.get(action="exam.counted").details
    assert details == {"films": 1, "exposures": 4, "films_before": 2, "exposures_before": 3}


def test_films_begin_with_what_is_usual_for_the_service_unless_the_device_tells() -> None:
    exam = an_exam()
    service, _ = ImagingService.objects.update_or_create(
        code=exam.service_code, coding_system=exam.service_coding_system,
        defaults={"name": exam.service_name, "modality": exam.modality, "usual_films": 3},
    )  # fmt: skip
    assert counts_of(exam).films == 3
    performed(exam, **{"00400321": {"vr": "SQ", "Value": [{"21000170": _value("IS", 2)}]}})
    assert counts_of(exam).films == 2
    set_counts(exam.pk, 0, 1, a_reader(role=Role.TECHNOLOGIST))
    assert counts_of(exam).films == 0
    assert service.usual_films == 3


def test_each_radiograph_is_an_exposure() -> None:
    exam = an_exam(modality="DX")
    link = exam.links.get()
    link.study.instance_count = 2
    link.study.save()
    assert counts_of(exam).exposures == 2


@pytest.mark.parametrize("role", Role.values)
def test_who_counts_and_who_corrects(role: str) -> None:
    exam, actor = an_exam(), a_reader(role=role)
    approved(exam, a_reader())
    before = timezone.now() - timedelta(hours=1)
    if role in PERFORMS:
        set_counts(exam.pk, 1, 1, actor)
        correct_time(exam.pk, "ACQUIRED", before, "Máy sai giờ", actor)
    else:
        with pytest.raises(NotPermitted):
            set_counts(exam.pk, 1, 1, actor)
        with pytest.raises(NotPermitted):
            correct_time(exam.pk, "ACQUIRED", before, "Máy sai giờ", actor)
    if role in {"RADIOLOGIST", "SENIOR"}:
        correct_time(exam.pk, "READ", before, "Ký muộn", actor)
    else:
        with pytest.raises(NotPermitted):
            correct_time(exam.pk, "READ", before, "Ký muộn", actor)


@pytest.mark.parametrize(("films", "exposures"), [(-1, 0), (0, 10_000)])
def test_a_count_is_what_can_be_meant(films: int, exposures: int) -> None:
    with pytest.raises(InvalidValue):
        set_counts(an_exam().pk, films, exposures, a_reader(role=Role.TECHNOLOGIST))


# --- times ----------------------------------------------------------------------------------------


def test_a_corrected_time_counts_in_statistics_and_the_recorded_one_stays() -> None:
    exam, reader = an_exam(), a_reader()
    version = approved(exam, reader)
    recorded, approved_at = exam.images_arrived_at, version.approved_at
    assert recorded is not None
    correct_time(exam.pk, "ACQUIRED", recorded - timedelta(minutes=50), "Ảnh gửi muộn", reader)
    correct_time(exam.pk, "ACQUIRED", recorded - timedelta(minutes=40), "Xem lại nhật ký máy", reader)
    correct_time(exam.pk, "READ", approved_at - timedelta(minutes=20), "Duyệt hộ sau khi đọc", reader)
    exam.refresh_from_db()
    assert exam.images_arrived_at == recorded
    assert ReportVersion.objects.get(pk=version.pk).approved_at == approved_at
    assert TimeCorrection.objects.filter(procedure=exam).count() == 3
    event = AuditEvent.objects.filter(action="exam.time_corrected").order_by("pk")[0]
    assert (event.details["recorded_at"], event.reason) == (recorded.isoformat(), "Ảnh gửi muộn")
    period = _period()
    found = {stage.name: stage.mean_minutes for stage in stages(period)}
    assert found["performed"] == pytest.approx(20, abs=1)
    assert found["read"] == pytest.approx(20, abs=1)
    set_counts(exam.pk, 2, 3, reader)
    read(exam, Archive([file_of(ct_report(300, [("1.1", 12)]))]))
    [line] = lines(period)
    assert (line.films, line.exposures, line.dlp_mgy_cm, line.dap_gy_cm2) == (2, 3, 300, None)
    assert line.approved_at == approved_at


@pytest.mark.parametrize(
    ("moment", "hours", "reason"),
    [("ACQUIRED", 1, "x"), ("ACQUIRED", -24 * 400, "x"), ("ACQUIRED", -1, " "), ("ORDERED", -1, "x")],
)
def test_a_correction_lies_in_the_past_near_what_was_recorded_and_has_a_reason(
    moment: str, hours: int, reason: str
) -> None:
    with pytest.raises(InvalidValue):
        correct_time(an_exam().pk, moment, timezone.now() + timedelta(hours=hours), reason, a_reader())


def test_what_has_not_happened_is_not_corrected() -> None:
    with pytest.raises(NotFound):
        correct_time(an_exam().pk, "READ", timezone.now() - timedelta(hours=1), "x", a_reader())
