"""The queue of unmatched studies: the reason, the evidence, the link, the way back, the picture."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.engine import Engine, EngineUnavailable
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import Study, StudyLink
from ris_testing.exams import an_exam
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


def _received(exam: RequestedProcedure, **different: str) -> dict[str, Any]:
    values = {
        "00100020": exam.patient.identifiers.get(is_primary=True).value,
        "00100030": exam.patient.birth_date,
        "00100040": exam.patient.sex,
        "00080050": "UNKNOWN",
        **different,
    }
    vrs = {"00100020": "LO", "00100030": "DA", "00100040": "CS", "00080050": "SH"}
    received: dict[str, Any] = {tag: {"vr": vrs[tag], "Value": [value]} for tag, value in values.items()}
    received["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": exam.patient.dicom_name}]}
    return received


def _waiting(
    exam: RequestedProcedure, *, state: str = "UNMATCHED", reason: str = "UNKNOWN_ACCESSION", **different: str
) -> Study:
    now = timezone.now()
    return Study.objects.create(
        orthanc_id="11111111-22222222-33333333-44444444-55555555",
        study_instance_uid="1.2.3",
        state=state,
        reason=reason,
        as_received=_received(exam, **different),
        received_patient_name=exam.patient.dicom_name,
        candidates=[{"procedure_id": exam.pk, "comparisons": []}],
        modalities="CT",
        first_received_at=now,
        last_received_at=now,
    )


@pytest.fixture
def ordered() -> RequestedProcedure:
    return an_exam(state="ORDERED", images=False)


def test_an_empty_queue_says_so() -> None:
    assert "Không có ảnh nào đang chờ" in client_as(Role.TECHNOLOGIST).get("/unmatched/").content.decode()


def test_the_queue_says_why_and_puts_the_likely_order_beside_the_study(ordered: RequestedProcedure) -> None:
    _waiting(ordered)
    page = client_as(Role.TECHNOLOGIST).get("/unmatched/").content.decode()
    assert "Số phiếu trong ảnh không có trong hệ thống." in page
    assert 'data-verdict="EQUAL"' in page
    assert 'data-verdict="DIFFERENT"' in page
    assert "Khớp với phiếu này" in page
    assert "NGUYỄN THỊ ĐÀO" in page


def test_a_patients_number_alone_already_suggests_their_orders(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    number = ordered.patient.identifiers.get(is_primary=True).value
    Study.objects.filter(pk=study.pk).update(candidates=[], received_patient_id=number)
    page = client_as(Role.TECHNOLOGIST).get(f"/unmatched/{study.pk}/").content.decode()
    assert f'name="procedure" value="{ordered.pk}"' in page


def test_linking_needs_a_reason_where_something_differs_and_can_be_undone(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    client = client_as(Role.TECHNOLOGIST)
    address = f"/unmatched/{study.pk}/link/"
    assert client.post(address, {"procedure": ordered.pk}).status_code == 422
    assert client.post(address, {"procedure": ordered.pk, "reason": "gõ nhầm số phiếu"}).status_code == 302
    link = StudyLink.objects.get(study=study)
    assert (link.procedure_id, link.how, link.undone_at) == (ordered.pk, "PERSON", None)
    assert "Hoàn tác" in client.get("/unmatched/").content.decode()
    assert client.post(f"/unmatched/links/{link.pk}/undo/").status_code == 302
    study.refresh_from_db()
    assert (study.state, study.patient_id) == ("UNMATCHED", None)


def test_what_contradicts_is_shown_and_cannot_be_linked(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered, state="CONFLICT", reason="BIRTH_DATE_DIFFERS", **{"00100030": "19990101"})
    client = client_as(Role.ADMINISTRATOR)
    page = client.get(f"/unmatched/{study.pk}/").content.decode()
    assert 'data-verdict="CONTRADICTS"' in page
    assert "Không thể khớp." in page
    assert "Khớp với phiếu này" not in page
    answer = client.post(f"/unmatched/{study.pk}/link/", {"procedure": ordered.pk, "reason": "cứ khớp"})
    assert answer.status_code == 409
    assert not StudyLink.objects.exists()


def test_orders_are_found_by_a_search(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    other = an_exam(state="ORDERED", images=False)
    RequestedProcedure.objects.filter(pk=other.pk).update(patient=ordered.patient)
    page = client_as(Role.TECHNOLOGIST).get(f"/unmatched/{study.pk}/orders/", {"q": other.request.accession_number})
    assert f'value="{other.pk}"' in page.content.decode()
    assert f'value="{ordered.pk}"' not in page.content.decode()


def test_a_study_that_somebody_else_has_linked_is_no_longer_there(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    Study.objects.filter(pk=study.pk).update(state="REJECTED")
    assert client_as(Role.TECHNOLOGIST).get(f"/unmatched/{study.pk}/").status_code == 404


def test_without_the_engine_the_queue_works_and_the_picture_says_so(
    ordered: RequestedProcedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = _waiting(ordered)

    def away(self: Engine, orthanc_id: str) -> None:
        raise EngineUnavailable("the engine cannot be reached")

    monkeypatch.setattr(Engine, "study", away)
    client = client_as(Role.TECHNOLOGIST)
    assert client.get(f"/unmatched/{study.pk}/").status_code == 200
    assert client.get(f"/unmatched/{study.pk}/image/").status_code == 502
