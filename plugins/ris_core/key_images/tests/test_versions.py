"""What goes with a version is fixed at its approval, the same for whoever prints, returns or signs it (R6, R16)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.engine.answers import StoredImage
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.errors import TransitionRefused
from ris_core.identifiers import OrthancId
from ris_core.jobs.models import Job
from ris_core.key_images.choosing import arrange, choose, describe, remove, restore
from ris_core.key_images.errors import NoPicture, NoSuchImage, TooManyKeyImages
from ris_core.key_images.models import KeyImage, VersionKeyImage
from ris_core.key_images.rules import MAXIMUM_KEY_IMAGES, Choice, Window
from ris_core.key_images.seeing import chosen_of
from ris_core.key_images.tests.test_rendering import a_frame
from ris_core.key_images.versions import hashes_of, images_chosen_now, images_of
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import VersionStatus
from ris_core.studies.models import Study, StudyLink
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db


class Pictures(Engine):
    """An engine with one series of images 1.2.9.1, 1.2.9.2 …, the last of which is a document."""

    def __init__(self) -> None:
        pass

    def image_of(self, study_id: str, sop_instance_uid: str) -> StoredImage:
        if not sop_instance_uid.startswith("1.2.9."):
            raise NotInEngine("none")
        side = 0 if sop_instance_uid == "1.2.9.99" else 64
        return StoredImage(OrthancId("-".join(["0" * 8] * 5)), "1.2.840.10008.5.1.4.1.1.2", sop_instance_uid, "1.2.9",
                           side, side, 2)  # fmt: skip

    def rendered_frame(
        self,
        orthanc_id: str,
        frame: int,
        window: tuple[float, float] | None,
        *,
        within: tuple[int, int] | None = None,
        quality: int = 95,
    ) -> bytes:
        return a_frame(64, 64 if window is None else 32)


def chosen(exam: RequestedProcedure, reader: Actor, number: int = 1, window: Window | None = None) -> KeyImage:
    study = Study.objects.get(links__procedure=exam)
    choice = Choice(study.study_instance_uid, "1.2.9", f"1.2.9.{number}", window=window)
    return choose(exam.pk, study, choice, Pictures(), reader)


def test_what_was_chosen_at_approval_stays_with_the_version() -> None:
    exam, reader = an_exam(), a_reader()
    first, second = chosen(exam, reader, 1), chosen(exam, reader, 2)
    describe(exam.pk, second.pk, "Ổ giảm tỷ trọng", reader)
    arrange(exam.pk, [second.pk, first.pk], reader)
    version = approved(exam, reader)
    remove(exam.pk, first.pk, reader)
    describe(exam.pk, second.pk, "khác", reader)
    images = images_of(version.pk)
    assert [(image.sop_instance_uid, image.caption) for image in images] == [
        ("1.2.9.2", "Ổ giảm tỷ trọng"),
        ("1.2.9.1", ""),
    ]
    assert [image.sha256 for image in images] == hashes_of(version.pk)
    assert Job.objects.filter(kind="store_key_object", subject_id=str(version.pk)).count() == 1
    corrected = approved(exam, reader, status=VersionStatus.CORRECTED)
    assert [image.caption for image in images_of(corrected.pk)] == ["khác"]
    assert len(images_of(version.pk)) == 2
    with pytest.raises(TransitionRefused):
        VersionKeyImage.objects.filter(version=version)[0].save()


def test_a_report_without_key_images_has_none_and_no_job() -> None:
    version = approved(an_exam(), a_reader())
    assert (images_of(version.pk), Job.objects.filter(kind="store_key_object").count()) == ([], 0)


def test_choosing_the_same_again_changes_nothing_and_another_window_is_another_image() -> None:
    exam, reader = an_exam(), a_reader()
    first = chosen(exam, reader)
    assert chosen(exam, reader).pk == first.pk
    assert chosen(exam, reader, window=Window(40, 80)).pk != first.pk
    remove(exam.pk, first.pk, reader)
    assert chosen_of(exam.pk, None).count() == 1
    restore(exam.pk, first.pk, reader)
    assert len(images_chosen_now(exam.pk, 0)) == 2


def test_images_of_a_study_that_was_moved_away_stay_behind() -> None:
    exam, reader = an_exam(), a_reader()
    chosen(exam, reader)
    KeyImage.objects.update(study_instance_uid="1.2.3.4")  # as if its study were linked no more
    assert images_of(approved(exam, reader).pk) == []
    assert StudyLink.objects.filter(procedure=exam, undone_at__isnull=True).exists()


def test_what_is_no_image_of_the_study_is_refused() -> None:
    exam, reader = an_exam(), a_reader()
    study = Study.objects.get(links__procedure=exam)
    for choice, why in (
        (Choice("1.2", "1.2.9", "1.3"), NoSuchImage),
        (Choice("1.2", "1.2.8", "1.2.9.1"), NoSuchImage),
        (Choice("1.2", "1.2.9", "1.2.9.1", frame=3), NoSuchImage),
        (Choice("1.2", "1.2.9", "1.2.9.99"), NoPicture),
    ):
        with pytest.raises(why):
            choose(exam.pk, study, choice, Pictures(), reader)
    other = an_exam()
    kept = chosen(exam, reader)
    with pytest.raises(NoSuchImage):
        remove(other.pk, kept.pk, reader)


def test_an_exam_has_only_so_many() -> None:
    exam, reader = an_exam(), a_reader()
    for number in range(MAXIMUM_KEY_IMAGES):
        chosen(exam, reader, number)
    with pytest.raises(TooManyKeyImages):
        chosen(exam, reader, MAXIMUM_KEY_IMAGES)
    assert KeyImage.objects.get(sop_instance_uid="1.2.9.0").chosen_at <= timezone.now()
