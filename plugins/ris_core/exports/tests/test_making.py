"""Exports made from an engine in memory: discs, archives, films, sheets; who may take them, until when (R10, R13)."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import av
import msgspec
import pycdlib
import pydicom
import pytest
from django.conf import settings
from django.utils import timezone
from PIL import Image
from pydicom.fileset import FileSet

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.exports import making, rules
from ris_core.exports.errors import ExportOutdated, ImagesUncorrected, NoRoomForExport, NothingToExport
from ris_core.exports.folders import folder_of, work_folder_of
from ris_core.exports.missing import missing_list
from ris_core.exports.models import Export, ExportState, Form, Missing
from ris_core.exports.rules import DISC_SIZES
from ris_core.exports.services import (
    amount_of,
    ask_again,
    ask_for_export,
    cancel_export,
    export_of,
    forget_exports,
    note_download,
    open_file,
)
from ris_core.exports.staged import Gap, Staged
from ris_core.jobs.models import Job, JobState
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.corrections import owe_correction
from ris_core.studies.handlers import after_correction_died
from ris_core.studies.models import OperationKind, OperationState, Study, StudyOperation, StudyState
from ris_testing.outside_images import unpacked_iso
from ris_testing.storing_engine import ONE, TWO, StoringEngine, an_exam_with_images, an_image, use_storing_engine

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StoringEngine:
    return use_storing_engine(monkeypatch, tmp_path)


@pytest.fixture
def user() -> User:
    return User.objects.create_user("xuat", None, full_name="Lê Xuất", role="RADIOLOGIST")


def actor_of(user: User) -> Actor:
    return Actor(user.username, user_id=user.pk)


def asked(engine: StoringEngine, user: User, form: str, *exams: RequestedProcedure, disc_bytes: int = 0) -> Export:
    ids = [exam.pk for exam in exams]
    amount = amount_of(engine, ids, user)
    return ask_for_export(ids, form, user, actor_of(user), amount, disc_bytes=disc_bytes)


def made(engine: StoringEngine, user: User, form: str, *exams: RequestedProcedure, disc_bytes: int = 0) -> Export:
    export = asked(engine, user, form, *exams, disc_bytes=disc_bytes)
    making.run_make_export(str(export.pk))
    return export_of(export.pk, user.pk)


def path_of(export: Export, number: int = 1) -> Path:
    return folder_of(export.pk) / str(number)


def test_a_disc_has_a_directory_that_names_its_files_and_a_viewer_with_pictures(
    engine: StoringEngine, user: User, tmp_path: Path
) -> None:
    exam, _ = an_exam_with_images(engine)
    export = made(engine, user, Form.DISC, exam)
    assert export.state == ExportState.READY
    disc = unpacked_iso(path_of(export), tmp_path / "disc")
    found = FileSet(disc / "DICOMDIR")
    assert {instance.SOPInstanceUID for instance in found} == {f"{ONE}.1", f"{ONE}.2", f"{TWO}.3"}
    for instance in found:
        assert pydicom.dcmread(instance.path).SOPInstanceUID == instance.SOPInstanceUID
    text = (disc / "viewer/data.js").read_text()
    assert "</script>" not in text
    data = json.loads(text.removeprefix("window.QUANG_DISC = ").rstrip(";\n"))
    series = data["patients"][0]["studies"][0]["series"]
    assert [len(each["frames"]) for each in series] == [2, 1]
    assert len(series[0]["windows"]) == len(series[0]["frames"][0]) == 4
    for each in series:
        for frame in each["frames"]:
            for picture in frame:
                assert Image.open(disc / picture).size == (16, 16)
    assert (disc / "index.htm").exists()
    assert "chẩn đoán" in (disc / "README.TXT").read_text("utf-8-sig")


def test_names_on_a_disc_are_those_of_level_1(engine: StoringEngine, user: User) -> None:
    """PS3.12 F.2.1.1: eight characters and an extension of three, folders eight deep at most."""
    exam, _ = an_exam_with_images(engine)
    image = pycdlib.PyCdlib()
    image.open(str(path_of(made(engine, user, Form.DISC, exam))))
    for folder, folders, files in image.walk(iso_path="/"):
        assert folder.count("/") < 8
        assert all(len(name) <= 8 for name in folders)
        assert all(len(name.partition(";")[0].partition(".")[0]) <= 8 for name in files)
    image.close()


def test_an_archive_has_the_files_as_stored_with_a_directory(engine: StoringEngine, user: User, tmp_path: Path) -> None:
    exam, _ = an_exam_with_images(engine)
    export = made(engine, user, Form.DICOM, exam)
    with zipfile.ZipFile(path_of(export)) as archive:
        archive.extractall(tmp_path / "zip")
        stored = {archive.read(name) for name in archive.namelist() if name.startswith("DICOM/")}
    assert stored == set(engine.files.values())
    assert len(list(FileSet(tmp_path / "zip" / "DICOMDIR"))) == 3
    assert export.files.get().name == f"export-{export.pk}-dicom.zip"


@pytest.mark.parametrize(("form", "kind"), [(Form.JPEG, "JPEG"), (Form.PNG, "PNG")])
def test_pictures_lie_under_numbers(engine: StoringEngine, user: User, form: Form, kind: str) -> None:
    exam, _ = an_exam_with_images(engine)
    with zipfile.ZipFile(path_of(made(engine, user, form, exam))) as archive:
        names = archive.namelist()
        assert len(names) == 3
        assert all(Image.open(io.BytesIO(archive.read(name))).format == kind for name in names)
    assert not any("LÊ" in name for name in names)


def test_a_series_becomes_a_film(engine: StoringEngine, user: User, tmp_path: Path) -> None:
    exam, _ = an_exam_with_images(engine)
    with zipfile.ZipFile(path_of(made(engine, user, Form.VIDEO, exam))) as archive:
        (film,) = [name for name in archive.namelist() if name.endswith(".mp4")]
        archive.extract(film, tmp_path)
    with av.open(str(tmp_path / film)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 2


def test_a_contact_sheet_is_a_pdf(engine: StoringEngine, user: User) -> None:
    exam, _ = an_exam_with_images(engine)
    assert path_of(made(engine, user, Form.SHEET, exam)).read_bytes().startswith(b"%PDF-")


def test_what_does_not_fit_goes_onto_further_discs(
    engine: StoringEngine, user: User, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = an_exam_with_images(engine)[0], an_exam_with_images(engine)[0]
    monkeypatch.setattr(rules, "OF_A_DISC_ITSELF", DISC_SIZES[0] - 40_000)
    export = made(engine, user, Form.DISC, first, second, disc_bytes=DISC_SIZES[0])
    assert [file.name for file in export.files.all()] == [f"export-{export.pk}-disc-{number}.iso" for number in (1, 2)]
    for number in (1, 2):
        disc = unpacked_iso(path_of(export, number), tmp_path / str(number))
        on_it = {instance.StudyInstanceUID for instance in FileSet(disc / "DICOMDIR")}
        assert on_it == {(first, second)[number - 1].study_instance_uid}


def test_made_twice_or_killed_on_the_way_is_made_once(engine: StoringEngine, user: User) -> None:
    exam, _ = an_exam_with_images(engine)
    export = asked(engine, user, Form.DICOM, exam)
    assert asked(engine, user, Form.DICOM, exam) == export
    work_folder_of(export.pk).mkdir()
    (work_folder_of(export.pk) / "1.dcm").write_bytes(b"what a killed worker has left")
    folder_of(export.pk).mkdir()
    making.run_make_export(str(export.pk))
    digest = export.files.get().sha256
    making.run_make_export(str(export.pk))
    assert export.files.get().sha256 == digest
    assert not work_folder_of(export.pk).exists()
    assert Job.objects.filter(kind="make_export").count() == 1


def test_it_is_not_made_before_images_are_in_line_with_their_order(engine: StoringEngine, user: User) -> None:
    exam, study = an_exam_with_images(engine)
    owe_correction(study.pk)
    export = made(engine, user, Form.DISC, exam)
    assert export.state == ExportState.WAITING
    again = Job.objects.get(kind="make_export", subject_id=str(export.pk))
    assert again.state == JobState.QUEUED
    Job.objects.filter(kind="correct_study").update(state=JobState.DONE)
    making.run_make_export(str(export.pk))
    assert export_of(export.pk, user.pk).state == ExportState.READY


def test_images_whose_correction_was_given_up_are_not_given_out(engine: StoringEngine, user: User) -> None:
    exam, study = an_exam_with_images(engine)
    export = asked(engine, user, Form.DISC, exam)
    after_correction_died(str(study.pk), "the engine does not answer")
    with pytest.raises(NotWorthRepeating, match="QUANG-6405"):  # they may bear another patient's name
        making.run_make_export(str(export.pk))
    with pytest.raises(ImagesUncorrected):
        asked(engine, user, Form.DISC, exam)


def test_cancelled_it_is_not_made_and_its_files_go(
    engine: StoringEngine, user: User, django_capture_on_commit_callbacks: object
) -> None:
    exam, _ = an_exam_with_images(engine)
    export = asked(engine, user, Form.DICOM, exam)
    making.run_make_export(str(export.pk))
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        cancel_export(export.pk, user.pk, actor_of(user))
    assert not folder_of(export.pk).exists()
    making.run_make_export(str(export.pk))
    assert Export.objects.get(pk=export.pk).state == ExportState.CANCELLED


def test_cancelled_while_it_is_made_it_ends(engine: StoringEngine, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    exam, _ = an_exam_with_images(engine)
    export = asked(engine, user, Form.DICOM, exam)
    monkeypatch.setattr(making, "TELL_SECONDS", 0.0)
    pieces = StoringEngine.instance_pieces

    def cancelling(self: StoringEngine, orthanc_id: str) -> Iterator[bytes]:
        Export.objects.filter(pk=export.pk).update(state=ExportState.CANCELLED)
        return pieces(self, orthanc_id)

    monkeypatch.setattr(StoringEngine, "instance_pieces", cancelling)
    making.run_make_export(str(export.pk))
    assert not folder_of(export.pk).exists()
    assert not export.files.exists()


def test_only_whoever_asked_takes_it_and_each_time_is_written_down(engine: StoringEngine, user: User) -> None:
    exam, _ = an_exam_with_images(engine)
    export = made(engine, user, Form.DICOM, exam)
    other = User.objects.create_user("khac", None, full_name="Khác", role="RADIOLOGIST")
    with pytest.raises(NotFound):
        open_file(export.pk, 1, other)
    file, _ = open_file(export.pk, 1, user)
    note_download(file, actor_of(user), 0)
    actions = list(
        AuditEvent.objects.filter(action__startswith="export.").order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["export.asked", "export.made", "export.downloaded"]
    assert set(AuditEvent.objects.filter(action__startswith="export.").values_list("patient_id", flat=True)) == {
        exam.patient_id
    }


def test_what_may_not_be_seen_any_more_is_not_given_out(engine: StoringEngine, user: User) -> None:
    exam, study = an_exam_with_images(engine)
    export = made(engine, user, Form.DICOM, exam)
    Study.objects.filter(pk=study.pk).update(corrected_at=timezone.now())
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, user)
    Study.objects.filter(pk=study.pk).update(corrected_at=None)
    open_file(export.pk, 1, user)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CONFLICT, patient=None)
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, user)
    User.objects.filter(pk=user.pk).update(role="RECEPTION")
    with pytest.raises(NotPermitted):
        open_file(export.pk, 1, User.objects.get(pk=user.pk))


def test_an_exam_in_conflict_is_refused_when_asked_for_and_when_made(engine: StoringEngine, user: User) -> None:
    exam, study = an_exam_with_images(engine)
    export = asked(engine, user, Form.DICOM, exam)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CONFLICT, patient=None)
    with pytest.raises(NothingToExport):
        asked(engine, user, Form.DISC, exam)
    with pytest.raises(NotWorthRepeating) as refusal:
        making.run_make_export(str(export.pk))
    making.after_export_died(str(export.pk), f"{NotWorthRepeating.code} {refusal.value.detail}")
    failed = Export.objects.get(pk=export.pk)
    assert (failed.state, failed.problem) == (ExportState.FAILED, "QUANG-6402")


def test_while_images_are_given_to_another_patient_nothing_goes_out(engine: StoringEngine, user: User) -> None:
    """The rows say it at once, the files only when the worker has been at them."""
    exam, study = an_exam_with_images(engine)
    export = made(engine, user, Form.DICOM, exam)
    operation = StudyOperation.objects.create(
        kind=OperationKind.CHANGE_PATIENT, study=study, reason="nhầm người", started_at=timezone.now()
    )
    with pytest.raises(ExportOutdated):
        open_file(export.pk, 1, user)
    with pytest.raises(NothingToExport):
        asked(engine, user, Form.DISC, exam)
    StudyOperation.objects.filter(pk=operation.pk).update(state=OperationState.DONE)
    open_file(export.pk, 1, user)


def test_without_room_nothing_is_begun(engine: StoringEngine, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    exam, _ = an_exam_with_images(engine)
    limits = msgspec.structs.replace(settings.QUANG.exports, kept_gibibytes=0)
    monkeypatch.setattr(settings, "QUANG", msgspec.structs.replace(settings.QUANG, exports=limits))
    with pytest.raises(NoRoomForExport):
        asked(engine, user, Form.DICOM, exam)
    assert not Export.objects.exists()


def test_files_are_deleted_when_their_time_is_over(engine: StoringEngine, user: User) -> None:
    exam, _ = an_exam_with_images(engine)
    export = made(engine, user, Form.DICOM, exam)
    forget_exports("site")
    assert folder_of(export.pk).exists()
    Export.objects.filter(pk=export.pk).update(kept_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(NotFound):
        open_file(export.pk, 1, user)
    forget_exports("site")
    assert not folder_of(export.pk).exists()


def test_an_object_that_cannot_be_read_is_counted_and_the_others_go_out(engine: StoringEngine, user: User) -> None:
    exam, _ = an_exam_with_images(engine)
    del_uid = an_image(9, exam, ONE)
    engine.receive(del_uid)  # without a SOP Class
    export = made(engine, user, Form.DICOM, exam)
    assert (export.left_out, export.step_count) == (1, 4)
    assert [reason for reason, _, _ in export.missing] == ["UNREADABLE"]
    shutil.rmtree(folder_of(export.pk))
    with pytest.raises(NotFound):
        open_file(export.pk, 1, user)


def listed_as_missing(export: Export, tmp_path: Path) -> str:
    if export.form == Form.DISC:
        return (unpacked_iso(path_of(export), tmp_path / "disc") / "MISSING.TXT").read_text("utf-8-sig")
    with zipfile.ZipFile(path_of(export)) as archive:
        return archive.read("MISSING.TXT").decode("utf-8-sig")


@pytest.mark.parametrize("form", [Form.DICOM, Form.DISC, Form.JPEG, Form.VIDEO])
def test_what_the_engine_cannot_give_is_named_in_the_files_and_may_be_asked_for_again(
    engine: StoringEngine, user: User, form: Form, tmp_path: Path
) -> None:
    exam, _ = an_exam_with_images(engine)
    engine.broken.add(f"{TWO}.3")
    export = made(engine, user, form, exam)
    assert (export.state, export.incomplete, export.left_out) == (ExportState.READY, True, 1)
    assert export.missing == [["NOT_GIVEN", f"{TWO}.3", ""]]
    told = listed_as_missing(export, tmp_path)
    assert "INCOMPLETE" in told
    assert f"{TWO}.3" in told
    if form == Form.DISC:
        assert '"incomplete": true' in (tmp_path / "disc" / "viewer" / "data.js").read_text()
        assert "INCOMPLETE" in (tmp_path / "disc" / "README.TXT").read_text("utf-8-sig")

    engine.broken.clear()
    ask_again(export.pk, user, actor_of(user))
    making.run_make_export(str(export.pk))
    export = export_of(export.pk, user.pk)
    assert (export.state, export.incomplete, export.missing) == (ExportState.READY, False, [])
    with pytest.raises(TransitionRefused):
        ask_again(export.pk, user, actor_of(user))


def test_what_has_no_picture_makes_an_export_of_pictures_no_less_whole(
    engine: StoringEngine, user: User, tmp_path: Path
) -> None:
    exam, _ = an_exam_with_images(engine)
    engine.receive(an_image(9, exam, TWO, Rows=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR"))
    assert made(engine, user, Form.DICOM, exam).missing == []
    export = made(engine, user, Form.JPEG, exam)
    assert (export.incomplete, [reason for reason, _, _ in export.missing]) == (False, ["NO_PICTURE"])
    assert "SR" in listed_as_missing(export, tmp_path)


def test_what_devices_leave_in_a_description_does_not_keep_the_export_from_its_row(
    engine: StoringEngine, user: User
) -> None:
    """PostgreSQL takes no NUL, and old devices write what lay behind it in their memory."""
    exam, _ = an_exam_with_images(engine)
    no_picture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.11", "Modality": "SR"}
    engine.receive(an_image(9, exam, TWO, Rows=None, SeriesDescription="Dose\0\x01 report", **no_picture))
    ((_reason, _uid, called),) = made(engine, user, Form.JPEG, exam).missing
    assert called.endswith("Dose report")


def test_of_what_is_there_as_a_file_the_list_does_not_say_that_it_is_missing(tmp_path: Path) -> None:
    staged = Staged(tmp_path, gaps=[Gap(Missing.ONLY_AS_FILE, "1.2.3", "XA 1")])
    ((_name, path),) = missing_list(staged)
    told = path.read_text("utf-8-sig")
    assert "1.2.3" in told
    assert "No file is missing" in told
    assert "0 objects" not in told
