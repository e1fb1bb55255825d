"""The copies of an anonymous share: made once, gone on with after a crash, no study of ours, removed with the share."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.tokens import share_grant
from ris_core.audit.services import Actor
from ris_core.errors import TransitionRefused
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.orders.models import RequestedProcedure
from ris_core.sharing.copies import copied_study_uids, copies_of
from ris_core.sharing.copying import remove_ended_copies, run_copy_for_share, run_remove_share_copies
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.models import CopiedStudy, CopyingState, Share, ShareCopying
from ris_core.sharing.rules import Terms, names_patient
from ris_core.sharing.services import COPY_JOB, REMOVE_JOB, extend_share, make_share, renew_link, revoke_share
from ris_core.studies.handlers import follow_study
from ris_core.studies.models import OperationState, Study, StudyOperation
from ris_core.studies.operations import reject_images
from ris_core.studies.rejection import Rejection
from ris_core.studies.services import undo_link
from ris_core.studies.undoing_operations import undo_operation
from ris_testing.exams import a_reader, an_exam
from ris_testing.storing_engine import StoringEngine, an_image, received, use_storing_engine

pytestmark = pytest.mark.django_db
CT, REPORT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> StoringEngine:
    return use_storing_engine(monkeypatch)


@pytest.fixture
def exam(engine: StoringEngine) -> RequestedProcedure:
    """Two slices and a report."""
    found = an_exam()
    slices = [an_image(number, found, SOPClassUID=CT) for number in (1, 2)]
    received(engine, found, *slices, an_image(3, found, SOPClassUID=REPORT))
    return found


def shared(exam: RequestedProcedure, actor: Actor | None = None, **terms: object) -> Share:
    wanted = {"receiver": "BS Minh", "exam_ids": (exam.pk,), "expires_at": timezone.now() + timedelta(days=3)}
    return make_share(Terms(**{**wanted, "anonymous": True, **terms}), actor or a_reader())[0]  # type: ignore[arg-type]


def copied(exam: RequestedProcedure) -> Share:
    share = shared(exam)
    run_copy_for_share(str(share.pk))
    return share


def test_what_can_be_cleaned_is_copied_and_the_rest_is_named(engine: StoringEngine, exam: RequestedProcedure) -> None:
    before = dict(engine.files)
    share = copied(exam)
    copies = copies_of(share)
    assert (copies.state, copies.image_count, copies.done_count) == (CopyingState.READY, 3, 3)
    assert copies.withheld == (("REPORT", 1),)
    assert len(engine.files) == len(before) + 2
    [uid] = copied_study_uids(share, exam.pk)
    assert uid.startswith("2.25.")
    new = [data for key, data in engine.files.items() if key not in before]
    assert not [data for data in new if b"TYPED" in data or exam.study_instance_uid.encode() in data]


def test_nothing_is_to_be_had_before_the_copies_are_ready(exam: RequestedProcedure) -> None:
    share = shared(exam)
    assert Job.objects.filter(kind=COPY_JOB, subject_id=share.pk).exists()
    assert copied_study_uids(share, exam.pk) == []
    with pytest.raises(TransitionRefused):
        renew_link(share.pk, a_reader())
    assert not share.with_report


def test_a_worker_that_dies_goes_on_and_copies_nothing_twice(engine: StoringEngine, exam: RequestedProcedure) -> None:
    share = shared(exam)

    def dies() -> None:
        raise ConnectionError

    engine.while_changing = dies
    with pytest.raises(ConnectionError):
        run_copy_for_share(str(share.pk))
    stored = set(engine.files)
    run_copy_for_share(str(share.pk))
    run_copy_for_share(str(share.pk))
    assert len(engine.files) == 5
    assert stored <= set(engine.files)
    assert copies_of(share).state == CopyingState.READY


def test_the_copies_are_no_arrival(exam: RequestedProcedure, engine: StoringEngine) -> None:
    share, known = copied(exam), Study.objects.count()
    place = CopiedStudy.objects.filter(copying__share=share, images__isnull=False).distinct().get().orthanc_id
    assert engine.instances(place)
    follow_study(engine, OrthancId(place))
    assert Study.objects.count() == known


def test_revoked_the_archive_has_no_copies_and_their_secret_is_gone(
    engine: StoringEngine, exam: RequestedProcedure
) -> None:
    share, before = copied(exam), 3
    revoke_share(share.pk, a_reader())
    assert Job.objects.filter(kind=REMOVE_JOB, subject_id=share.pk).exists()
    assert copied_study_uids(Share.objects.get(pk=share.pk), exam.pk) != [], "refused by the share, not by this"
    run_remove_share_copies(str(share.pk))
    run_remove_share_copies(str(share.pk))
    assert len(engine.files) == before
    copying = ShareCopying.objects.get(share=share)
    assert (copying.state, bytes(copying.secret)) == (CopyingState.REMOVED, b"")


def test_a_share_that_is_over_loses_its_copies_and_does_not_open_again(exam: RequestedProcedure) -> None:
    share = copied(exam)
    remove_ended_copies()
    assert not Job.objects.filter(kind=REMOVE_JOB).exists()
    Share.objects.filter(pk=share.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    remove_ended_copies()
    assert Job.objects.filter(kind=REMOVE_JOB, subject_id=share.pk).exists()
    with pytest.raises(ShareInvalid):
        extend_share(share.pk, timezone.now() + timedelta(days=1), a_reader())


def test_images_that_are_taken_from_the_exam_are_shown_no_more(exam: RequestedProcedure) -> None:
    share = copied(exam)
    for link in exam.links.all():
        undo_link(link.pk, a_reader(), "another patient's")
    assert copied_study_uids(share, exam.pk) == []


def test_of_a_study_from_which_images_are_taken_no_copy_is_shown_and_viewers_close(exam: RequestedProcedure) -> None:
    """There are copies of what was taken too: it may be another patient's."""
    share, actor = copied(exam), a_reader()
    grant = share_grant(share.pk, share.revision)
    study = CopiedStudy.objects.filter(copying__share=share, images__isnull=False).distinct().get().study
    Study.objects.filter(pk=study.pk).update(series_count=2, complete=True)
    operation = reject_images(study.pk, ["1.2.3.9"], Rejection.QUALITY, actor, "another patient's")
    assert copied_study_uids(share, exam.pk) == []
    assert grant in read_ended_grants()
    StudyOperation.objects.update(state=OperationState.DONE, finished_at=timezone.now())
    assert copied_study_uids(share, exam.pk) == []
    undo_operation(operation.pk, actor, "was right")
    assert copied_study_uids(share, exam.pk) == [], "in doubt nothing: share anew"
    StudyOperation.objects.update(state=OperationState.UNDONE)
    again = copied(exam)
    assert copied_study_uids(again, exam.pk) != []


@pytest.mark.parametrize(
    ("comment", "names"),
    [
        ("Ca của ông Nguyễn Bình An", True),
        ("An Binh", True),
        ("mã BN-000 123", True),
        ("sinh 21/11/1980", True),
        ("gọi 0912 847 365", True),
        ("Phổi bình thường, xin ý kiến về gan", False),
        ("", False),
    ],
)
def test_a_comment_must_not_name_the_patient(comment: str, names: bool) -> None:
    assert names_patient(comment, "NGUYỄN BÌNH AN", "19801121", ["BN000123", "0912847365", ""]) is names
