"""The queue of unmatched studies: the reason, the evidence, the link, the way back, the picture."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.matching.models import RejectedCandidate
from ris_core.names import folded
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
    exam: RequestedProcedure,
    *,
    state: str = "UNMATCHED",
    reason: str = "UNKNOWN_ACCESSION",
    number: int = 1,
    different: dict[str, str] | None = None,
) -> Study:
    now = timezone.now()
    return Study.objects.create(
        orthanc_id=f"{number:08}-22222222-33333333-44444444-55555555",
        study_instance_uid=f"1.2.3.{number}",
        state=state,
        reason=reason,
        as_received=_received(exam, **(different or {})),
        received_patient_name=exam.patient.dicom_name,
        search_text=folded(exam.patient.dicom_name),
        candidates=[{"procedure_id": exam.pk, "comparisons": []}],
        modalities="CT",
        first_received_at=now,
        last_received_at=now,
    )


@pytest.fixture
def ordered() -> RequestedProcedure:
    return an_exam(state="ORDERED", images=False)


def _page(**parameters: str | int) -> str:
    return client_as(Role.TECHNOLOGIST).get("/unmatched/", parameters).content.decode()


def test_an_empty_queue_says_so() -> None:
    assert "Không có ảnh nào đang chờ" in _page()


def test_the_queue_says_why_and_puts_the_likely_order_beside_the_study(ordered: RequestedProcedure) -> None:
    _waiting(ordered)
    page = _page()
    assert "Số phiếu trong ảnh không có trong hệ thống." in page
    assert 'data-verdict="EQUAL"' in page
    assert 'data-verdict="DIFFERENT"' in page
    assert "Khớp với phiếu này" in page
    assert "NGUYỄN THỊ ĐÀO" in page
    assert "điểm" in page


def test_what_is_odd_is_said_in_a_sentence(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    Study.objects.filter(pk=study.pk).update(remote_ae_title="MAYLA")
    assert "Máy gửi ảnh chưa có trong danh sách thiết bị." in _page()


def test_the_address_filters_and_opens(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    assert f"study-{study.pk}" in _page(reason="UNKNOWN_ACCESSION", modality="CT", age="hour", open=study.pk)
    assert "Không có ảnh nào như vậy đang chờ." in _page(modality="MR")
    assert f"study-{study.pk}" not in _page(age="older")
    assert f"study-{study.pk}" in _page(q="dao nguyen")
    assert f"study-{study.pk}" not in _page(q="binh")
    answer = client_as(Role.TECHNOLOGIST).get(f"/unmatched/{study.pk}/")
    assert answer["Location"] == f"/unmatched/?open={study.pk}"


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


def test_what_differs_only_by_what_describes_the_exam_needs_no_reason(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered, different={"00080050": ""})
    Study.objects.filter(pk=study.pk).update(remote_ae_title="MAYLA", modalities="US")
    answer = client_as(Role.TECHNOLOGIST).post(f"/unmatched/{study.pk}/link/", {"procedure": ordered.pk})
    assert answer.status_code == 302
    assert StudyLink.objects.filter(study=study).exists()


def test_several_studies_of_one_exam_are_linked_at_once(ordered: RequestedProcedure) -> None:
    studies = [_waiting(ordered, number=number) for number in (1, 2)]
    stranger = _waiting(ordered, number=3, different={"00100030": "19990101"})
    answer = client_as(Role.TECHNOLOGIST).post(
        f"/unmatched/{studies[0].pk}/link/",
        {"procedure": ordered.pk, "reason": "một lần chụp", "study": [study.pk for study in (*studies, stranger)]},
    )
    assert answer.status_code == 302
    assert set(StudyLink.objects.values_list("study_id", flat=True)) == {study.pk for study in studies}


def test_what_contradicts_is_shown_and_cannot_be_linked(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered, state="CONFLICT", reason="BIRTH_DATE_DIFFERS", different={"00100030": "19990101"})
    client = client_as(Role.ADMINISTRATOR)
    page = client.get("/unmatched/", {"open": study.pk}).content.decode()
    assert 'data-verdict="CONTRADICTS"' in page
    assert "Không thể khớp." in page
    assert "Khớp với phiếu này" not in page
    answer = client.post(f"/unmatched/{study.pk}/link/", {"procedure": ordered.pk, "reason": "cứ khớp"})
    assert answer.status_code == 409
    assert not StudyLink.objects.exists()


def test_an_order_ruled_out_is_not_suggested_and_can_be_again(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    client = client_as(Role.TECHNOLOGIST)
    suggestion = f'name="procedure" value="{ordered.pk}"'
    assert suggestion in client.get("/unmatched/").content.decode()
    assert client.post(f"/unmatched/{study.pk}/reject/", {"procedure": ordered.pk}).status_code == 302
    page = client.get("/unmatched/").content.decode()
    assert suggestion not in page
    assert "Vừa loại phiếu của" in page
    assert client.post(f"/unmatched/rejections/{RejectedCandidate.objects.get().pk}/withdraw/").status_code == 302
    assert suggestion in client.get("/unmatched/").content.decode()


def test_orders_are_found_by_a_search_without_diacritics(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    other = an_exam(state="ORDERED", images=False)
    RequestedProcedure.objects.filter(pk=other.pk).update(patient=ordered.patient)
    client = client_as(Role.TECHNOLOGIST)
    page = client.get(f"/unmatched/{study.pk}/orders/", {"q": other.request.accession_number}).content.decode()
    assert f'value="{other.pk}"' in page
    assert f'value="{ordered.pk}"' not in page
    assert f'value="{ordered.pk}"' in client.get(f"/unmatched/{study.pk}/orders/", {"q": "thi dao"}).content.decode()


def test_an_order_is_made_from_the_images(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered, different={"00100020": "MOI77"})
    client = client_as(Role.TECHNOLOGIST)
    address = f"/unmatched/{study.pk}/new-order/"
    assert 'value="MOI77"' in client.get(address).content.decode()
    said = {"patient_number": "MOI77", "full_name": "NGUYỄN THỊ ĐÀO", "birth_date": "hôm qua", "service_code": ""}
    refused = client.post(address, said)
    assert refused.status_code == 422
    assert "Ghi ngày/tháng/năm" not in client.get(address).content.decode()
    said |= {"birth_date": "", "sex": ordered.patient.sex, "service_code": "CT.SONAO"}
    assert client.post(address, said).status_code == 302
    link = StudyLink.objects.get(study=study)
    assert (link.procedure.source, link.procedure.patient.full_name) == ("RIS", "NGUYỄN THỊ ĐÀO")


def test_a_study_that_somebody_else_has_linked_is_no_longer_there(ordered: RequestedProcedure) -> None:
    study = _waiting(ordered)
    Study.objects.filter(pk=study.pk).update(state="REJECTED")
    assert client_as(Role.TECHNOLOGIST).get(f"/unmatched/{study.pk}/").status_code == 404
