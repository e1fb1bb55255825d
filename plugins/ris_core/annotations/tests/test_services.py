"""What a viewer stores never takes the place, or the UID, of what is stored already."""

from __future__ import annotations

import pytest

from ris_core.annotations.rules import Refusal
from ris_core.annotations.services import keep_annotation
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_testing.dicom_files import a_dicom_file
from ris_testing.storing_engine import StoringEngine

pytestmark = pytest.mark.django_db

READER = Actor("bs_lan")
STUDY = "1.2.3"


def an_annotation(text: str, **attributes: str) -> bytes:
    return a_dicom_file(
        **{
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.33",
            "SOPInstanceUID": "1.2.3.9.1",
            "SeriesInstanceUID": "1.2.3.9",
            "StudyInstanceUID": STUDY,
            "PatientID": "BN001",
            "ImageComments": text,
            **attributes,
        }
    )


@pytest.fixture
def engine() -> StoringEngine:
    engine = StoringEngine()
    engine.receive(
        a_dicom_file(PatientID="BN001", StudyInstanceUID=STUDY, SeriesInstanceUID="1.2.3.1", SOPInstanceUID="1.2.3.1.1")
    )
    return engine


def keep(engine: StoringEngine, file: bytes) -> Refusal | None:
    return keep_annotation(file, frozenset({STUDY}), engine, READER).refusal


def test_the_same_object_again_is_stored_already_and_told_once(engine: StoringEngine) -> None:
    assert keep(engine, an_annotation("2 cm")) is None
    assert keep(engine, an_annotation("2 cm")) is None
    assert len(engine.files) == 2
    assert [entry.action for entry in AuditEvent.objects.all()] == ["annotation.stored"]


@pytest.mark.parametrize(
    "changed",
    [{}, {"SeriesInstanceUID": "1.2.3.8"}, {"SOPInstanceUID": "1.2.3.1.1"}],
    ids=["another text", "in another series", "under the UID of an image"],
)
def test_another_object_under_a_stored_uid_is_refused_and_nothing_changes(
    engine: StoringEngine, changed: dict[str, str]
) -> None:
    assert keep(engine, an_annotation("2 cm")) is None
    before = dict(engine.files)
    assert keep(engine, an_annotation("3 cm", **changed)) is Refusal.ALREADY_STORED
    assert engine.files == before
    assert AuditEvent.objects.filter(action="annotation.refused", success=False).exists()
