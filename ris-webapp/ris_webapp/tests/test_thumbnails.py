"""Small pictures: for whom, of what, and how often the engine is asked."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ris_core.accounts.models import Role
from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_core.studies.models import Study, StudyState
from ris_testing.exams import an_exam, link_images
from ris_testing.fake_engine import FakeEngine
from ris_webapp import thumbnails
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


class Painter(FakeEngine):
    """An engine that draws, and counts."""

    drawn = 0

    def rendered(self, orthanc_id: str, height_pixels: int) -> bytes:
        self.drawn += 1
        return b"\xff\xd8" + orthanc_id.encode()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Painter:
    painter = Painter()
    monkeypatch.setattr(Engine, "from_settings", lambda *args, **kwargs: painter)
    monkeypatch.setattr(thumbnails, "_pictures", thumbnails.RecentPictures())
    return painter


def _study(engine: Painter, **changes: Any) -> Study:
    exam = an_exam(images=False)
    orthanc_id = engine.receive(b"", patient_id="1", study_instance_uid=exam.study_instance_uid)
    study = link_images(exam, orthanc_id).study
    Study.objects.filter(pk=study.pk).update(**changes)
    return study


def _get(client: Client, study: Study) -> Any:
    client.raise_request_exception = False
    return client.get(f"/studies/{study.pk}/thumbnail/")


def test_a_linked_study_is_seen_by_who_sees_images_and_drawn_once(engine: Painter) -> None:
    study = _study(engine)
    clinician = client_as(Role.CLINICIAN)
    answers = [_get(clinician, study) for _ in range(2)]
    assert [answer["Content-Type"] for answer in answers] == ["image/jpeg"] * 2
    assert engine.drawn == 1
    assert "private" in answers[0]["Cache-Control"]


def test_a_study_that_waits_is_seen_only_by_who_sorts_it(engine: Painter) -> None:
    study = _study(engine, state=StudyState.UNMATCHED, patient=None)
    assert _get(client_as(Role.CLINICIAN), study).status_code == 404
    assert _get(client_as(Role.TECHNOLOGIST), study).status_code == 200


def test_a_series_of_another_study_is_refused(engine: Painter) -> None:
    study = _study(engine)
    client = client_as(Role.TECHNOLOGIST)
    client.raise_request_exception = False
    other = "11111111-22222222-33333333-44444444-55555555"
    assert client.get(f"/studies/{study.pk}/series/{other}/thumbnail/").status_code == 404
    mine = engine.study(study.orthanc_id).series_ids[0]
    assert client.get(f"/studies/{study.pk}/series/{mine}/thumbnail/").status_code == 200


def test_pictures_kept_never_exceed_their_limit() -> None:
    kept = thumbnails.RecentPictures(limit_bytes=10)
    for number in range(5):
        kept.put((str(number),), b"1234")
    assert [kept.get((str(number),)) is not None for number in range(5)] == [False, False, False, True, True]


def test_what_has_no_picture_is_an_empty_answer_and_no_failure(
    engine: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_asked: object) -> bytes:
        raise EngineFailed("a document has no picture")

    monkeypatch.setattr(engine, "rendered", refused)
    assert _get(client_as(Role.CLINICIAN), _study(engine)).status_code == 204


def test_images_that_are_being_put_right_have_no_picture_for_a_moment(engine: Painter) -> None:
    study = _study(engine, orthanc_id="11111111-22222222-33333333-44444444-55555555")
    assert _get(client_as(Role.CLINICIAN), study).status_code == 204
