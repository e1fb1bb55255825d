"""Teaching cases: made, looked at, opened, withdrawn; what closes them; what is in their ZIP (R10, M3, G3)."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.data_requests.models import DataRequest
from ris_core.data_requests.services import answer, decide, record_request, today
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.exports.errors import ExportOutdated
from ris_core.exports.folders import folder_of, work_folder_of
from ris_core.exports.making import run_make_export
from ris_core.exports.models import Export, ExportState
from ris_core.exports.services import ask_again, forget_exports, open_file
from ris_core.exports.teaching_cases import ask_for_case
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.merging import merge_patients
from ris_core.patients.models import Patient
from ris_core.sight.services import set_confidential
from ris_core.studies.models import OperationKind, OperationState, Study, StudyOperation, StudyState
from ris_core.teaching.choosing import chosen_images
from ris_core.teaching.errors import CaseClosed, PatientNamed, TeachingInvalid
from ris_core.teaching.models import CaseState, TeachingCase, TeachingImage, TeachingVersion
from ris_core.teaching.picturing import run_make_teaching_pictures
from ris_core.teaching.services import (
    case_for,
    cases_for,
    change_case,
    delete_case,
    exam_for_case,
    exam_of,
    make_case,
    open_case,
    remove_image,
    searched,
    withdraw_case,
)
from ris_core.teaching.standing import Closed, closed_because, known_of
from ris_testing.exams import an_exam
from ris_testing.storing_engine import StoringEngine, an_exam_with_images, use_storing_engine
from ris_testing.teaching_cases import NOTES, a_case, an_open_case, as_actor, show
from ris_testing.traces import Identity, traces, traces_in_dicom

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoringEngine:
    return use_storing_engine(monkeypatch, tmp_path)


@pytest.fixture
def maker() -> User:
    return User.objects.create_user("soan", None, full_name="Lê Soạn", role="RADIOLOGIST")


@pytest.fixture
def resident() -> User:
    return User.objects.create_user("hoc", None, full_name="Trần Học", role="RESIDENT")


@pytest.fixture
def senior() -> User:
    return User.objects.create_user("truong", None, full_name="Phạm Trưởng", role="SENIOR")


@pytest.fixture
def ct(engine: StoringEngine) -> tuple[RequestedProcedure, Study]:
    return an_exam_with_images(engine)


@pytest.fixture
def case(engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User) -> TeachingCase:
    return an_open_case(engine, *ct, maker)


def test_a_draft_is_seen_by_its_maker_and_an_open_case_by_everybody(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User, resident: User
) -> None:
    case = a_case(engine, *ct, maker)
    assert case.state == CaseState.DRAFT
    assert [image.result for image in case.images.all()] == [TeachingImage.Result.READY] * 3
    with pytest.raises(NotFound):
        case_for(case.pk, resident)
    show(case, maker)
    assert case_for(case.pk, resident).title == NOTES.title
    assert [each.pk for each in searched(cases_for(resident), "THUYEN tac cap cuu")] == [case.pk]
    assert not searched(cases_for(resident), "gãy xương").exists()


def test_pictures_are_in_the_order_of_the_series_and_made_once(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    case = a_case(engine, *ct, maker)
    before = list(case.images.values_list("pk", "sha256"))
    run_make_teaching_pictures(str(case.pk))
    assert list(case.images.values_list("pk", "sha256")) == before
    assert list(case.images.values_list("sop_instance_uid", flat=True)) == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.2.3"]


def test_a_worker_that_was_killed_goes_on_with_what_is_left(
    engine: StoringEngine, case: TeachingCase, maker: User
) -> None:
    TeachingImage.objects.filter(case=case, position=2).update(result="WAITING", picture=b"", sha256="")
    run_make_teaching_pictures(str(case.pk))
    assert not case.images.exclude(result=TeachingImage.Result.READY).exists()
    assert case.images.count() == 3


def test_a_case_that_was_withdrawn_while_its_pictures_were_made_can_be_opened_again(
    engine: StoringEngine, case: TeachingCase, maker: User
) -> None:
    TeachingImage.objects.filter(case=case, position=2).update(result="WAITING", picture=b"", sha256="")
    withdraw_case(case.pk, "", maker, as_actor(maker))
    run_make_teaching_pictures(str(case.pk))
    show(case, maker)
    assert closed(case) is None


def test_notes_that_name_the_patient_are_refused_with_the_place(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    exam, study = ct
    number = exam.request.accession_number
    notes = type(NOTES)(title="Ca hay", diagnosis="x", discussion=f"Xem phiếu {number} nhé")
    with pytest.raises(PatientNamed) as refused:
        a_case(engine, exam, study, maker, notes)
    assert [(each.field, each.kind.value) for each in refused.value.traces] == [("discussion", "NUMBER")]
    assert not TeachingCase.objects.exists()


def test_the_device_s_spelling_of_the_name_is_known_too(ct: tuple[RequestedProcedure, Study]) -> None:
    Study.objects.filter(pk=ct[1].pk).update(received_patient_name="LÊ^VĂN TYPED")
    assert "LÊ^VĂN TYPED" in known_of(ct[0].patient_id).names


def test_nothing_leads_back_but_for_whoever_may_change_it_and_sees_the_exam(
    case: TeachingCase, maker: User, resident: User
) -> None:
    with pytest.raises(NotPermitted):
        exam_of(case.pk, resident, as_actor(resident))
    assert exam_of(case.pk, maker, as_actor(maker)) == case.procedure_id
    event = AuditEvent.objects.get(action="teaching.exam_opened")
    assert (event.patient_id, event.user_id) == (case.procedure.patient_id, maker.pk)


def test_only_its_maker_and_who_manages_cases_change_it(
    case: TeachingCase, resident: User, senior: User, maker: User
) -> None:
    other = User.objects.create_user("khac", None, full_name="Vũ Khác", role="RADIOLOGIST")
    for user in (resident, other):
        with pytest.raises(NotPermitted):
            change_case(case.pk, NOTES, user, as_actor(user), version=1)
        with pytest.raises(NotPermitted):
            withdraw_case(case.pk, "", user, as_actor(user))
    changed = change_case(case.pk, NOTES, senior, as_actor(senior), version=1)
    assert [each.number for each in changed.versions.all()] == [2, 1]
    with pytest.raises(TransitionRefused):
        change_case(case.pk, NOTES, maker, as_actor(maker), version=1)


def test_other_images_make_it_a_draft_again(
    engine: StoringEngine, case: TeachingCase, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    study = ct[1]
    series = [engine.study(study.orthanc_id).series_ids[0]]
    images = chosen_images(engine, case.procedure_id, [study], maker.pk, (), series)
    changed = change_case(case.pk, NOTES, maker, as_actor(maker), version=1, images=images)
    assert (changed.state, changed.images.count()) == (CaseState.DRAFT, 2)
    with pytest.raises(TeachingInvalid):
        show(case, maker)  # not made yet
    run_make_teaching_pictures(str(case.pk))
    show(case, maker)


def test_who_has_looked_at_other_pictures_does_not_open_it(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    case = a_case(engine, *ct, maker)
    images = chosen_images(engine, case.procedure_id, [ct[1]], maker.pk, (), engine.study(ct[1].orthanc_id).series_ids)
    change_case(case.pk, NOTES, maker, as_actor(maker), version=1, images=images)
    run_make_teaching_pictures(str(case.pk))
    with pytest.raises(TransitionRefused):
        open_case(case.pk, maker, as_actor(maker), version=1)
    case.refresh_from_db()
    assert case.state == CaseState.DRAFT
    show(case, maker)


def test_one_picture_is_taken_out(case: TeachingCase, maker: User) -> None:
    remove_image(case.pk, 2, maker, as_actor(maker))
    assert list(case.images.values_list("position", flat=True)) == [1, 3]


def test_a_picture_that_is_taken_out_takes_its_file_with_it(case: TeachingCase, maker: User) -> None:
    """Another frame's picture would keep the whole file in the ZIP."""
    first = case.images.get(position=1)
    case.images.filter(position=3).update(orthanc_id=first.orthanc_id)
    remove_image(case.pk, 1, maker, as_actor(maker))
    assert list(case.images.values_list("position", flat=True)) == [2]


def test_of_nothing_or_of_what_is_not_there_no_case_is_made(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    for keys, series in (((), ()), ((), ("nowhere",)), ((7,), ())):
        with pytest.raises(TeachingInvalid):
            chosen_images(engine, ct[0].pk, [ct[1]], maker.pk, keys, series)


# ---- what becomes of the exam closes the case ----


def closed(case: TeachingCase) -> Closed | None:
    return closed_because(TeachingCase.objects.select_related("procedure").get(pk=case.pk))


def test_an_exam_that_goes_to_another_patient_closes_it_and_coming_back_opens_it(
    case: TeachingCase, resident: User, maker: User
) -> None:
    whose, other = case.procedure.patient_id, an_exam().patient_id
    RequestedProcedure.objects.filter(pk=case.procedure_id).update(patient_id=other)
    assert closed(case) is Closed.ANOTHER_PATIENT
    with pytest.raises(NotFound):
        case_for(case.pk, resident)
    assert case_for(case.pk, maker).pk == case.pk
    RequestedProcedure.objects.filter(pk=case.procedure_id).update(patient_id=whose)
    assert closed(case) is None


def test_merging_the_patient_changes_nothing_and_the_survivor_s_name_is_looked_for(
    case: TeachingCase, resident: User, maker: User
) -> None:
    other = an_exam().patient
    Patient.objects.filter(pk=other.pk).update(full_name="ĐỖ NGHIÊM", birth_date="", sex="")
    with transaction.atomic():
        merge_patients(case.procedure.patient_id, other.pk, SYSTEM, reason="một người")
    assert closed(case) is None
    assert case_for(case.pk, resident).pk == case.pk
    notes = type(NOTES)(title="Ca của Nghiêm Đỗ", diagnosis="x")
    with pytest.raises(PatientNamed):
        change_case(case.pk, notes, maker, as_actor(maker), version=1)


def test_a_patient_who_is_confidential_since_closes_it_also_to_its_maker(
    case: TeachingCase, maker: User, senior: User
) -> None:
    set_confidential(case.procedure.patient_id, True, SYSTEM)
    assert closed(case) is Closed.CONFIDENTIAL
    with pytest.raises(NotFound):
        case_for(case.pk, maker)
    assert case_for(case.pk, senior).pk == case.pk
    withdraw_case(case.pk, "", senior, as_actor(senior))
    with pytest.raises(NotFound):
        case_for(case.pk, maker)
    with pytest.raises((NotPermitted, TeachingInvalid)):
        exam_for_case(case.procedure_id, senior)


@pytest.mark.parametrize("state", [StudyState.CONFLICT, StudyState.REJECTED])
def test_images_that_were_rejected_or_are_in_conflict_close_it(
    case: TeachingCase, ct: tuple[RequestedProcedure, Study], state: str
) -> None:
    Study.objects.filter(pk=ct[1].pk).update(state=state, patient=None)
    assert closed(case) is Closed.IMAGES_TAKEN


def test_images_that_were_moved_away_since_close_it_until_others_are_chosen(
    engine: StoringEngine, case: TeachingCase, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    StudyOperation.objects.create(
        kind=OperationKind.SPLIT, study=ct[1], state=OperationState.DONE, started_at=timezone.now(),
        finished_at=timezone.now(), started_by=maker,
    )  # fmt: skip
    assert closed(case) is Closed.IMAGES_TAKEN
    withdraw_case(case.pk, "", maker, as_actor(maker))
    with pytest.raises(CaseClosed):
        show(case, maker)
    series = list(engine.study(ct[1].orthanc_id).series_ids)
    images = chosen_images(engine, case.procedure_id, [ct[1]], maker.pk, (), series)
    change_case(case.pk, NOTES, maker, as_actor(maker), version=1, images=images)
    run_make_teaching_pictures(str(case.pk))
    show(case, maker)
    assert closed(case) is None


def test_a_name_that_is_known_only_later_closes_notes_that_have_it(case: TeachingCase, resident: User) -> None:
    Patient.objects.filter(pk=case.procedure.patient_id).update(full_name="THUYÊN TẮC")
    assert closed(case) is Closed.NAMED
    with pytest.raises(NotFound):
        case_for(case.pk, resident)


# ---- what the patient asks for closes it, and ends it ----


def asked(case: TeachingCase, kind: str, user: User, patient_id: int | None = None) -> DataRequest:
    return record_request(
        patient_id or case.patient_id, kind, as_actor(user), asker="Hoa", asked_by="SELF", proof="VNEID", wanted="Xoá",
        received_on=today(),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["ERASURE", "RESTRICTION"])
def test_a_patient_who_asks_for_erasure_or_restriction_closes_it_until_that_is_refused(
    case: TeachingCase, kind: str, maker: User, resident: User
) -> None:
    export = exported(case, maker)
    made = asked(case, kind, maker)
    assert closed(case) is Closed.OBJECTED
    with pytest.raises(NotFound):
        case_for(case.pk, resident)
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, maker)
    with pytest.raises(TeachingInvalid) as refused:
        exam_for_case(case.procedure_id, maker)
    assert refused.value.field == "objected"
    with pytest.raises(TeachingInvalid) as refused:  # asked for while the form was filled in
        make_case(case.procedure, NOTES, (), maker, as_actor(maker))
    assert refused.value.field == "objected"
    decide(made.pk, as_actor(maker), decision="REFUSED", kept_by="NOT_PROVED", reason="Không đúng người")
    answer(made.pk, as_actor(maker), done="Đã báo", answered_on=today())
    assert closed(case) is None
    open_file(export.pk, 1, maker)


@pytest.mark.parametrize("kind", ["ACCESS", "CORRECTION", "WITHDRAWAL", "COMPLAINT"])
def test_other_requests_leave_it_open(case: TeachingCase, kind: str, maker: User) -> None:
    asked(case, kind, maker)
    assert closed(case) is None


@pytest.mark.parametrize("of_merged", [False, True])
def test_an_erasure_that_was_answered_leaves_nothing_of_it(case: TeachingCase, maker: User, of_merged: bool) -> None:
    other = make_case(an_exam(), NOTES, [], maker, as_actor(maker))
    export = exported(case, maker)
    survivor = case.patient_id
    if of_merged:
        survivor = an_exam().patient_id
        Patient.objects.filter(pk=survivor).update(full_name="ĐỖ NGHIÊM", birth_date="", sex="")
        with transaction.atomic():
            merge_patients(case.patient_id, survivor, SYSTEM)
    made = asked(case, "ERASURE", maker, survivor)
    decide(made.pk, as_actor(maker), decision="PARTLY", kept_by="RECORD_TERM", reason="Hồ sơ còn phải lưu")
    assert TeachingCase.objects.filter(pk=case.pk).exists()
    answer(made.pk, as_actor(maker), done="Đã xoá ca giảng dạy", answered_on=today())
    assert list(TeachingCase.objects.values_list("pk", flat=True)) == [other.pk]
    assert not TeachingImage.objects.exists()
    assert set(TeachingVersion.objects.values_list("case_id", flat=True)) == {other.pk}
    forget_exports("")
    assert not folder_of(export.pk).exists()
    with pytest.raises(NotFound):
        open_file(export.pk, 1, maker)
    assert AuditEvent.objects.get(action="data_request.answered").details["teaching_cases"] == 1
    assert AuditEvent.objects.get(action="teaching.deleted").subject == f"teaching_case:{case.pk}"
    with pytest.raises(TeachingInvalid):
        exam_for_case(case.procedure_id, maker)


# ---- the ZIP ----


def exported(case: TeachingCase, user: User, *, with_dicom: bool = True) -> Export:
    export = ask_for_case(case, user, as_actor(user), with_dicom=with_dicom)
    assert ask_for_case(case, user, as_actor(user), with_dicom=with_dicom).pk == export.pk
    run_make_export(str(export.pk))
    return Export.objects.get(pk=export.pk)


def test_its_zip_opens_from_the_folder_and_has_nothing_of_the_patient(
    case: TeachingCase, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    exam = ct[0]
    export = exported(case, maker)
    assert export.state == ExportState.READY
    file, path = open_file(export.pk, 1, maker)
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    assert archive.namelist() == [
        "index.html", "images/001.jpg", "images/002.jpg", "images/003.jpg",
        "dicom/0001.dcm", "dicom/0002.dcm", "dicom/0003.dcm",
    ]  # fmt: skip
    page = archive.read("index.html").decode()
    assert NOTES.diagnosis in page
    assert "http" not in page
    assert "{{" not in page
    born = datetime.strptime(exam.patient.birth_date, "%Y%m%d").replace(tzinfo=UTC).date()
    numbers = (
        exam.request.accession_number,
        str(exam.study_instance_uid),
        "1.2.3.1",
        "TYPED",
        exam.filler_order_number,
    )
    known = Identity(exam.patient.full_name, born or date(1980, 1, 1), numbers)
    for name in archive.namelist():
        data = archive.read(name)
        assert (traces_in_dicom if name.endswith(".dcm") else traces)(known, data) == [], name
    assert file.name == f"teaching-case-{case.pk}.zip"


def test_one_that_becomes_larger_than_was_thought_ends_with_the_reason_and_leaves_nothing(
    case: TeachingCase, maker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = ask_for_case(case, maker, as_actor(maker), with_dicom=True)
    monkeypatch.setattr("ris_core.exports.services.free_bytes", lambda: 1024**3)
    with pytest.raises(NotWorthRepeating, match="QUANG-6403"):
        run_make_export(str(export.pk))
    assert not folder_of(export.pk).exists()
    assert not work_folder_of(export.pk).exists()


def test_without_dicom_it_has_none(case: TeachingCase, maker: User) -> None:
    _, path = open_file(exported(case, maker, with_dicom=False).pk, 1, maker)
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".dcm")]


def test_marks_and_markup_in_notes_stay_text(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    notes = type(NOTES)(title="{{answers}}<script>x</script>", diagnosis="{{figures}}")
    case = an_open_case(engine, *ct, maker, notes)
    _, path = open_file(exported(case, maker).pk, 1, maker)
    with zipfile.ZipFile(path) as archive:
        page = archive.read("index.html").decode()
    assert "<h1>{{answers}}&lt;script&gt;x&lt;/script&gt;</h1>" in page
    assert page.count("<figure>") == 3


def test_whose_it_is_stands_in_no_event_of_looking_and_taking_out(case: TeachingCase, maker: User) -> None:
    exported(case, maker)
    events = AuditEvent.objects.filter(action__startswith="export.")
    assert {event.action for event in events} == {"export.asked", "export.made"}
    assert {(event.patient_id, event.subject) for event in events} == {(None, f"teaching_case:{case.pk}")}


def test_a_zip_of_a_case_that_was_changed_withdrawn_or_deleted_is_not_given_out(
    case: TeachingCase, maker: User, senior: User
) -> None:
    export = exported(case, maker)
    change_case(case.pk, NOTES, maker, as_actor(maker), version=1)
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, maker)
    case.refresh_from_db()
    export = exported(case, maker)
    open_file(export.pk, 1, maker)
    withdraw_case(case.pk, "trùng", maker, as_actor(maker))
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, maker)
    with pytest.raises(CaseClosed):
        ask_for_case(TeachingCase.objects.get(), maker, as_actor(maker), with_dicom=False)
    with pytest.raises(NotPermitted):
        delete_case(case.pk, maker, as_actor(maker))
    delete_case(case.pk, senior, as_actor(senior))
    assert not TeachingImage.objects.exists()
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, maker)
    assert folder_of(export.pk).exists()
    forget_exports("")
    assert not folder_of(export.pk).exists()
    assert set(Export.objects.values_list("state", flat=True)) == {ExportState.OVER}
    assert AuditEvent.objects.filter(action="teaching.deleted", patient_id=case.patient_id).count() == 1


def test_an_image_that_cannot_be_read_gets_no_picture_and_its_file_is_named_missing(
    engine: StoringEngine, ct: tuple[RequestedProcedure, Study], maker: User
) -> None:
    engine.broken = {"1.2.3.1.2"}
    case = an_open_case(engine, *ct, maker)
    assert [image.reason for image in case.images.all()] == ["", "NO_PICTURE", ""]
    engine.files.pop(next(key for key in engine.files if key == case.images.first().orthanc_id))  # type: ignore[union-attr]
    export = exported(case, maker)
    with zipfile.ZipFile(open_file(export.pk, 1, maker)[1]) as archive:
        assert "Không có tệp DICOM của 1 ảnh" in archive.read("index.html").decode()
    with pytest.raises(TransitionRefused):
        ask_again(export.pk, maker, as_actor(maker))
