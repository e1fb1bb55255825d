"""Images from outside, from the first byte to the exam that they are linked to (R13, P20)."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.conf import settings

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.engine.errors import EngineFailed, EngineRefused
from ris_core.errors import NotFound, TransitionRefused
from ris_core.imports import scanning
from ris_core.imports.errors import ImportInvalid, ImportTooLarge, OtherPerson, UploadOutOfStep
from ris_core.imports.folders import folder_of
from ris_core.imports.models import Decision, Fate, Import, ImportPatient, ImportState
from ris_core.imports.reconciling import candidates_for
from ris_core.imports.scanning import after_import_died, run_scan_import
from ris_core.imports.services import (
    add_file,
    begin_import,
    decide,
    end_import,
    end_upload,
    left_over,
    reject_import,
    store_import,
    studies_of,
    take_piece,
)
from ris_core.imports.storing import run_store_import
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.studies.handlers import follow_study
from ris_core.studies.models import KeptCopy, Study, StudyState
from ris_testing.exams import an_exam
from ris_testing.outside_images import OUTSIDE_STUDY, a_zip, an_outside_file
from ris_testing.storing_engine import StoringEngine, use_storing_engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoringEngine:
    return use_storing_engine(monkeypatch, tmp_path)


@pytest.fixture
def actor() -> Actor:
    user = User.objects.create_user("nhap", None, full_name="Lê Nhập", role="TECHNOLOGIST")
    return Actor(user.username, user_id=user.pk)


def handed_in(actor: Actor, *files: bytes) -> Import:
    begun = begin_import("Bệnh viện tỉnh", actor)
    for content in files:
        file = add_file(begun.pk, "../x.zip", len(content) or 1, actor)
        take_piece(begun.pk, file.number, 0, io.BytesIO(content), len(content), actor)
    end_upload(begun.pk, actor)
    return begun


def scanned(actor: Actor, *files: bytes) -> Import:
    begun = handed_in(actor, *files)
    run_scan_import(str(begun.pk))
    begun.refresh_from_db()
    return begun


def stored(engine: StoringEngine, begun: Import, actor: Actor) -> None:
    store_import(begun.pk, actor)
    run_store_import(str(begun.pk))
    for key in {engine._ids(data)[0] for data in engine.files.values()}:
        follow_study(engine, key)


def test_files_of_all_kinds_become_a_list_by_patient_and_study(engine: StoringEngine, actor: Actor) -> None:
    other = an_outside_file(9, PatientID="88", PatientName="LE^VAN CU", PatientSex="M", StudyInstanceUID="1.2.9")
    begun = scanned(actor, a_zip(an_outside_file(1), an_outside_file(2), b"text"), other, an_outside_file(2))
    assert (begun.state, begun.passed_over, begun.damaged) == (ImportState.DECIDING, 1, 0)
    found = [(study.patient.name, study.image_count, study.fate) for study in studies_of(begun.pk)]
    assert found == [("TRAN^THI BINH", 2, Fate.WAITING), ("LE^VAN CU", 1, Fate.WAITING)]
    assert engine.files == {}


def test_damage_is_counted_apart_from_what_is_no_image(engine: StoringEngine, actor: Actor) -> None:
    """A cut image, and an archive with a scratch in it."""
    cut, archive = an_outside_file(3)[:140], bytearray(a_zip(an_outside_file(1), an_outside_file(2)))
    archive[60] ^= 0xFF
    begun = scanned(actor, b"text", cut, bytes(archive))
    assert (begun.state, begun.passed_over, begun.damaged) == (ImportState.DECIDING, 1, 2)


def test_images_of_an_existing_patient_become_an_exam_of_theirs(engine: StoringEngine, actor: Actor) -> None:
    patient = an_exam().patient
    file = an_outside_file(PatientName=patient.dicom_name, PatientBirthDate=patient.birth_date, PatientSex=patient.sex)
    begun = scanned(actor, file)
    found = begun.patients.get()
    assert candidates_for(found)[0].patient == patient
    decide(found.pk, Decision.EXISTING, actor, chosen=patient.pk)
    stored(engine, begun, actor)
    study = Study.objects.get(study_instance_uid=OUTSIDE_STUDY)
    assert (study.state, study.patient) == (StudyState.READY_TO_READ, patient)
    assert study.received_patient_id == "77"
    exam = study.links.get().procedure
    assert (exam.source, exam.scheduled_at.strftime("%Y%m%d")) == ("IMPORT", "20250102")
    assert list(engine.files.values()) == [file]
    assert not folder_of(begun.pk).joinpath("1.dcm").exists()


def test_images_of_somebody_new_make_a_patient_with_the_number_of_its_issuer(
    engine: StoringEngine, actor: Actor
) -> None:
    begun = scanned(actor, an_outside_file())
    found = begun.patients.get()
    with pytest.raises(ImportInvalid):
        decide(found.pk, Decision.NEW, actor, issuer="")
    decide(found.pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, begun, actor)
    patient = Study.objects.get(study_instance_uid=OUTSIDE_STUDY).patient
    assert patient is not None
    assert (patient.full_name, patient.birth_date) == ("TRAN THI BINH", "19750505")
    assert list(patient.identifiers.values_list("value", "issuer")) == [("77", "BV TINH")]


def test_a_contradiction_is_never_overruled_and_a_difference_needs_words(engine: StoringEngine, actor: Actor) -> None:
    patient = an_exam().patient
    found = scanned(actor, an_outside_file(PatientSex=patient.sex, PatientBirthDate="19010101")).patients.get()
    with pytest.raises(OtherPerson):
        decide(found.pk, Decision.EXISTING, actor, chosen=patient.pk, reason="cùng một người")
    same_day = an_outside_file(PatientSex=patient.sex, PatientBirthDate=patient.birth_date, PatientName="XYZ^ABC")
    found = scanned(actor, same_day).patients.get()
    with pytest.raises(ImportInvalid):
        decide(found.pk, Decision.EXISTING, actor, chosen=patient.pk)
    decide(found.pk, Decision.EXISTING, actor, chosen=patient.pk, reason="tên cũ trước khi đổi")


def test_the_number_of_another_patient_here_is_no_obstacle(engine: StoringEngine, actor: Actor) -> None:
    """Numbers of two hospitals meet by chance; birth date and sex do not."""
    owner = an_exam().patient
    number = owner.identifiers.get(is_primary=True).value
    begun = scanned(actor, an_outside_file(PatientID=number))
    decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, begun, actor)
    study = Study.objects.get(study_instance_uid=OUTSIDE_STUDY)
    assert study.state == StudyState.READY_TO_READ
    assert study.patient not in (None, owner)


def test_killed_on_the_way_and_run_again_nothing_is_there_twice(
    engine: StoringEngine, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = scanned(actor, a_zip(*(an_outside_file(number) for number in range(1, 5))))
    decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    store_import(begun.pk, actor)
    keep, calls = StoringEngine.store_instance, []

    def dying(self: StoringEngine, dicom: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise SystemExit
        return keep(self, dicom)  # type: ignore[arg-type]

    monkeypatch.setattr(StoringEngine, "store_instance", dying)
    with pytest.raises(SystemExit):
        run_store_import(str(begun.pk))
    assert len(engine.files) == 2
    run_store_import(str(begun.pk))
    run_store_import(str(begun.pk))
    assert len(engine.files) == 4
    assert RequestedProcedure.objects.filter(source="IMPORT").count() == 1
    assert Patient.objects.filter(identifiers__issuer="BV TINH").count() == 1
    study = studies_of(begun.pk).get()
    assert (study.fate, study.stored_count) == (Fate.STORED, 4)


def test_a_scan_that_was_killed_begins_anew(engine: StoringEngine, actor: Actor) -> None:
    begun = handed_in(actor, a_zip(an_outside_file()))
    (folder_of(begun.pk) / "scratch").mkdir()
    (folder_of(begun.pk) / "scratch" / "1.entry").write_bytes(b"left over")
    run_scan_import(str(begun.pk))
    run_scan_import(str(begun.pk))
    assert studies_of(begun.pk).count() == 1


def test_what_the_archive_has_is_named_and_left_alone(engine: StoringEngine, actor: Actor) -> None:
    engine.receive(an_outside_file())
    begun = scanned(actor, an_outside_file(), an_outside_file(2))
    assert studies_of(begun.pk).get().fate == Fate.HERE
    store_import(begun.pk, actor)
    run_store_import(str(begun.pk))
    assert len(engine.files) == 1


def test_two_patients_under_one_study_are_not_taken_in(engine: StoringEngine, actor: Actor) -> None:
    begun = scanned(actor, an_outside_file(1), an_outside_file(2, PatientID="78", PatientName="OTHER^ONE"))
    assert {study.fate for study in studies_of(begun.pk)} == {Fate.TWO_PATIENTS}


def test_nothing_is_stored_while_somebody_is_undecided_and_a_rejected_import_is_gone(
    engine: StoringEngine, actor: Actor, django_capture_on_commit_callbacks: object
) -> None:
    begun = scanned(actor, an_outside_file())
    with pytest.raises(ImportInvalid):
        store_import(begun.pk, actor)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        reject_import(begun.pk, actor)
    assert not (settings.QUANG.home / "imports" / str(begun.pk)).exists()
    with pytest.raises(TransitionRefused):
        store_import(begun.pk, actor)


def test_an_upload_goes_on_where_it_broke_off(engine: StoringEngine, actor: Actor) -> None:
    content = an_outside_file()
    begun = begin_import("", actor)
    file = add_file(begun.pk, "a.dcm", len(content), actor)
    assert take_piece(begun.pk, file.number, 0, io.BytesIO(content[:100]), 100, actor) == 100
    with pytest.raises(UploadOutOfStep):
        take_piece(begun.pk, file.number, 200, io.BytesIO(content[200:]), len(content) - 200, actor)
    with pytest.raises(ImportInvalid):
        end_upload(begun.pk, actor)
    assert add_file(begun.pk, "a.dcm", len(content), actor, content[:4096]) == file
    assert take_piece(begun.pk, file.number, 50, io.BytesIO(content[50:]), len(content) - 50, actor) == len(content)
    with pytest.raises(ImportTooLarge):
        take_piece(begun.pk, file.number, len(content), io.BytesIO(b"more"), 4, actor)
    end_upload(begun.pk, actor)
    run_scan_import(str(begun.pk))
    assert studies_of(begun.pk).count() == 1


def test_another_file_of_the_same_name_and_size_does_not_go_on_where_the_first_broke_off(
    engine: StoringEngine, actor: Actor
) -> None:
    """Or one file would have the header of one patient and the pixels of another."""
    one, other = an_outside_file(1), an_outside_file(2)
    assert len(one) == len(other)
    begun = begin_import("", actor)
    broken = add_file(begun.pk, "DIR1/IMG00001", len(one), actor, one[:4096])
    take_piece(begun.pk, broken.number, 0, io.BytesIO(one[:-8]), len(one) - 8, actor)
    second = add_file(begun.pk, "DIR2/IMG00001", len(other), actor, other[:4096])
    assert (second.number, second.received_bytes) == (2, 0)
    take_piece(begun.pk, second.number, 0, io.BytesIO(other[:-4]), len(other) - 4, actor)
    assert add_file(begun.pk, "IMG00001", len(one), actor, one[:4096]) == broken
    assert add_file(begun.pk, "IMG00001", len(other), actor, other[:4096]) == second
    assert add_file(begun.pk, "IMG00001", len(one), actor).number == 3


def test_two_people_under_one_number_do_not_become_one_new_patient(engine: StoringEngine, actor: Actor) -> None:
    """Devices of a small clinic number everybody 1."""
    second = an_outside_file(9, StudyInstanceUID="1.2.9", PatientBirthDate="19990909")
    begun = scanned(actor, an_outside_file(), second)
    one, other = begun.patients.order_by("pk")
    decide(one.pk, Decision.NEW, actor, issuer="BV TINH")
    with pytest.raises(OtherPerson):
        decide(other.pk, Decision.NEW, actor, issuer="BV TINH")
    decide(other.pk, Decision.NEW, actor, issuer="BV TINH 2")
    stored(engine, begun, actor)
    assert Patient.objects.filter(identifiers__value="77").count() == 2


def test_whoever_has_got_the_number_meanwhile_gets_no_images_of_another(engine: StoringEngine, actor: Actor) -> None:
    first = scanned(actor, an_outside_file())
    second = scanned(actor, an_outside_file(9, StudyInstanceUID="1.2.9", PatientBirthDate="19990909"))
    for begun in (first, second):
        decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, first, actor)
    stored(engine, second, actor)
    study = studies_of(second.pk).get()
    assert (study.fate, study.problem) == (Fate.REFUSED, "QUANG-6504")
    assert Patient.objects.get(identifiers__value="77").birth_date == "19750505"
    assert len(engine.files) == 1


def test_images_of_a_patient_brought_before_do_not_rename_them(engine: StoringEngine, actor: Actor) -> None:
    first = scanned(actor, an_outside_file())
    decide(first.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, first, actor)
    second = scanned(actor, an_outside_file(9, StudyInstanceUID="1.2.9", PatientName="TRAN^BINH THI X"))
    decide(second.patients.get().pk, Decision.NEW, actor, issuer="BV TINH", reason="gõ sai tên")
    store_import(second.pk, actor)
    run_store_import(str(second.pk))
    assert studies_of(second.pk).get().fate == Fate.STORED
    assert Patient.objects.get(identifiers__value="77").full_name == "TRAN THI BINH"


def test_another_image_under_the_same_uid_is_kept_aside(engine: StoringEngine, actor: Actor) -> None:
    begun = scanned(actor, a_zip(an_outside_file(), an_outside_file(), an_outside_file(KVP="140")))
    assert studies_of(begun.pk).get().image_count == 2
    decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    store_import(begun.pk, actor)
    run_store_import(str(begun.pk))
    assert len(engine.files) == 1
    assert [copy.difference for copy in KeptCopy.objects.all()] == ["ATTRIBUTES"]


def test_an_engine_that_lets_nobody_in_loses_no_files(
    engine: StoringEngine, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = scanned(actor, an_outside_file())
    decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    store_import(begun.pk, actor)

    def refusing(self: StoringEngine, dicom: object) -> object:
        raise EngineRefused("a wrong token")

    with monkeypatch.context() as patch:
        patch.setattr(StoringEngine, "store_instance", refusing)
        with pytest.raises(EngineRefused):
            run_store_import(str(begun.pk))
    run_store_import(str(begun.pk))
    assert len(engine.files) == 1


def test_what_holds_no_image_fails_with_its_reason(engine: StoringEngine, actor: Actor) -> None:
    begun = handed_in(actor, b"no image at all")
    with pytest.raises(NotWorthRepeating) as refusal:
        run_scan_import(str(begun.pk))
    after_import_died(str(begun.pk), refusal.value.detail)
    begun.refresh_from_db()
    assert (begun.state, begun.problem) == (ImportState.FAILED, "QUANG-6501")


def test_another_person_finds_nothing_and_each_step_is_written_down(engine: StoringEngine, actor: Actor) -> None:
    begun = scanned(actor, an_outside_file())
    user = User.objects.create_user("khac", None, full_name="Khác", role="TECHNOLOGIST")
    other = Actor(user.username, user_id=user.pk)
    with pytest.raises(NotFound):
        decide(ImportPatient.objects.get().pk, Decision.SKIP, other)
    decide(ImportPatient.objects.get().pk, Decision.SKIP, actor)
    stored(engine, begun, actor)
    assert studies_of(begun.pk).get().fate == Fate.SKIPPED
    assert engine.files == {}
    actions = AuditEvent.objects.filter(action__startswith="import.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == [
        "import.begun", "import.handed_in", "import.scanned", "import.decided", "import.confirmed", "import.stored",
    ]  # fmt: skip


def test_what_was_refused_is_decided_otherwise_and_comes_in_without_being_handed_in_again(
    engine: StoringEngine, actor: Actor, django_capture_on_commit_callbacks: object
) -> None:
    first = scanned(actor, an_outside_file())
    good = an_outside_file(8, StudyInstanceUID="1.2.8", PatientID="99", PatientName="PHAM^DUNG", PatientSex="M")
    second = scanned(actor, an_outside_file(9, StudyInstanceUID="1.2.9", PatientBirthDate="19990909"), good)
    for found in (*first.patients.all(), *second.patients.all()):
        decide(found.pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, first, actor)
    stored(engine, second, actor)
    second.refresh_from_db()
    assert second.state == ImportState.PARTLY
    refused = left_over(second.pk).get()
    with pytest.raises(TransitionRefused):
        reject_import(second.pk, actor)
    with pytest.raises(TransitionRefused):  # stored already
        decide(second.patients.exclude(pk=refused.patient_id).get().pk, Decision.SKIP, actor)
    decide(refused.patient_id, Decision.NEW, actor, issuer="BV TINH 2")
    stored(engine, second, actor)
    second.refresh_from_db()
    assert (second.state, len(engine.files)) == (ImportState.DONE, 3)
    assert Patient.objects.filter(identifiers__value="77").count() == 2
    assert not (settings.QUANG.home / "imports" / str(second.pk)).exists()
    assert RequestedProcedure.objects.filter(source="IMPORT").count() == 3


def test_images_that_the_engine_refused_are_tried_again_or_let_be(
    engine: StoringEngine, actor: Actor, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    begun = scanned(actor, a_zip(*(an_outside_file(number) for number in range(1, 4))))
    decide(begun.patients.get().pk, Decision.NEW, actor, issuer="BV TINH")
    keep = StoringEngine.store_instance

    def failing(self: StoringEngine, dicom: object) -> object:
        if len(self.files) == 2:
            raise EngineFailed("500")
        return keep(self, dicom)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(StoringEngine, "store_instance", failing)
        stored(engine, begun, actor)
    study = left_over(begun.pk).get()
    assert (study.stored_count, study.refused_count, study.problem) == (2, 1, EngineFailed.code)
    stored(engine, begun, actor)
    study.refresh_from_db()
    assert (study.stored_count, study.refused_count, len(engine.files)) == (3, 0, 3)
    with pytest.raises(TransitionRefused):
        store_import(begun.pk, actor)

    other = scanned(actor, an_outside_file(9, StudyInstanceUID="1.2.9", PatientBirthDate="19990909"))
    decide(other.patients.get().pk, Decision.NEW, actor, issuer="BV KHAC")
    with monkeypatch.context() as patch:
        patch.setattr(StoringEngine, "store_instance", lambda *_: (_ for _ in ()).throw(EngineFailed("500")))
        stored(engine, other, actor)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        end_import(other.pk, actor)
    other.refresh_from_db()
    assert other.state == ImportState.DONE
    assert not (settings.QUANG.home / "imports" / str(other.pk)).exists()


def test_a_study_of_two_patients_comes_in_once_one_of_them_is_not_wanted(engine: StoringEngine, actor: Actor) -> None:
    begun = scanned(actor, an_outside_file(1), an_outside_file(2, PatientID="78", PatientName="OTHER^ONE"))
    one, other = begun.patients.order_by("pk")
    for found in (one, other):
        decide(found.pk, Decision.NEW, actor, issuer="BV TINH")
    stored(engine, begun, actor)
    begun.refresh_from_db()
    assert (begun.state, engine.files) == (ImportState.PARTLY, {})
    decide(other.pk, Decision.SKIP, actor)
    stored(engine, begun, actor)
    begun.refresh_from_db()
    assert begun.state == ImportState.DONE
    assert {study.fate for study in studies_of(begun.pk)} == {Fate.STORED, Fate.SKIPPED}
    assert len(engine.files) == 1


def test_one_patient_spelled_in_two_ways_in_a_study_comes_in_as_one_exam(engine: StoringEngine, actor: Actor) -> None:
    patient = an_exam().patient
    facts = {"PatientBirthDate": patient.birth_date, "PatientSex": patient.sex, "PatientName": patient.dicom_name}
    begun = scanned(
        actor, an_outside_file(1, **facts), an_outside_file(2, **{**facts, "PatientName": f"{patient.dicom_name} X"})
    )
    assert {study.fate for study in studies_of(begun.pk)} == {Fate.TWO_PATIENTS}
    for found in begun.patients.all():
        decide(found.pk, Decision.EXISTING, actor, chosen=patient.pk, reason="gõ hai cách")
    stored(engine, begun, actor)
    begun.refresh_from_db()
    assert (begun.state, len(engine.files)) == (ImportState.DONE, 2)
    assert RequestedProcedure.objects.filter(source="IMPORT").count() == 1
    assert Study.objects.get(study_instance_uid=OUTSIDE_STUDY).patient == patient


def test_a_thousand_others_under_one_identifier_are_each_read_once(
    engine: StoringEngine, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    digest = scanning._digest

    def counted(path: Path) -> bytes:
        read.append(path)
        return digest(path)

    monkeypatch.setattr(scanning, "_digest", counted)
    begun = scanned(actor, a_zip(*(an_outside_file(KVP=str(number)) for number in range(60)), an_outside_file(KVP="1")))
    assert studies_of(begun.pk).get().image_count == 60
    assert len(read) == 61
