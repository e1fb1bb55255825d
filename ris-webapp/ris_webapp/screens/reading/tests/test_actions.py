"""What one does on the reading page: claim, save, conflict, template, approve, next."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from ris_core.delivery.models import Delivery
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import plain_content
from ris_core.reports.models import Reading, ReportVersion
from ris_webapp.screens.reading.template_list import templates_for
from ris_webapp.screens.reading.tests.exams import (
    a_receiver,
    a_study,
    a_template,
    a_user,
    an_exam,
    client_of,
)

pytestmark = pytest.mark.django_db


def post(client: Client, exam: RequestedProcedure, action: str, **body: Any) -> Any:
    return client.post(f"/exams/{exam.pk}/{action}", body, content_type="application/json")


def typed(texts: dict[str, str]) -> dict[str, Any]:
    """A report of these texts, as the page's scripts send it."""
    return plain_content(**texts).as_json()


def readable_exam(**kwargs: Any) -> RequestedProcedure:
    exam = an_exam(**kwargs)
    a_study(exam)
    return exam


def claimed(client: Client, exam: RequestedProcedure) -> int:
    """The draft's revision after ``client`` has claimed the exam."""
    answer = post(client, exam, "claim")
    assert answer.status_code == 200, answer.content
    return int(answer.json()["revision"])


def test_claiming_gives_the_right_to_write() -> None:
    exam, client = readable_exam(), client_of(a_user())
    rights = post(client, exam, "claim").json()["rights"]
    assert (rights["edit"], rights["approve_final"], rights["claim"]) == (True, True, False)


def test_a_second_reader_is_told_who_holds_the_exam() -> None:
    exam = readable_exam()
    claimed(client_of(a_user(full_name="Trần Thị Bình")), exam)
    answer = post(client_of(a_user()), exam, "claim")
    assert answer.status_code == 409
    assert "Trần Thị Bình đang giữ ca này" in answer.json()["detail"]


def test_taking_over_moves_exam_and_draft() -> None:
    exam, first, second = readable_exam(), client_of(a_user()), client_of(a_user("SENIOR"))
    revision = claimed(first, exam)
    post(first, exam, "draft", revision=revision, content=typed({"findings": "Gan to."}))
    status = post(second, exam, "take-over", reason="Hết ca trực").json()
    assert status["texts"]["findings"] == "Gan to."
    assert post(first, exam, "draft", revision=status["revision"], content=typed({})).status_code == 409


@pytest.mark.parametrize("role", ["CLINICIAN", "TECHNOLOGIST", "RECEPTION", "ADMINISTRATOR"])
@pytest.mark.parametrize("action", ["claim", "release", "draft", "template", "approve", "amend"])
def test_only_readers_change_anything(role: str, action: str) -> None:
    exam = readable_exam()
    assert post(client_of(a_user(role)), exam, action).status_code == 403


def test_somebody_without_login_gets_no_page_but_an_answer() -> None:
    answer = Client().post(
        f"/exams/{readable_exam().pk}/draft",
        {},
        content_type="application/json",
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 401


def test_a_draft_is_kept_as_it_was_typed() -> None:
    exam, client = readable_exam(), client_of(a_user())
    saved = post(
        client, exam, "draft", revision=claimed(client, exam), content=typed({"conclusion": "Bình thường."})
    ).json()
    assert client.get(f"/exams/{exam.pk}/status").json()["texts"]["conclusion"] == "Bình thường."
    assert saved["revision"] == Reading.objects.get().draft_revision
    assert saved["savedAt"]


def test_a_save_over_another_revision_shows_both_drafts() -> None:
    exam, client = readable_exam(), client_of(a_user())
    revision = claimed(client, exam)
    post(client, exam, "draft", revision=revision, content=typed({"findings": "Gan to."}))
    answer = post(client, exam, "draft", revision=revision, content=typed({"findings": "Gan không to."}))
    assert answer.status_code == 409
    theirs = answer.json()["theirs"]
    assert theirs["texts"]["findings"] == "Gan to."
    assert [segment["change"] for segment in theirs["differences"][0]["segments"]] == ["same", "added", "same"]
    assert Reading.objects.get().findings == "Gan to."


def test_what_is_no_draft_is_refused() -> None:
    exam, client = readable_exam(), client_of(a_user())
    claimed(client, exam)
    for body in ({"revision": "x", "content": {}}, {"revision": 0, "content": {"other": ""}}, {"revision": 0}):
        assert post(client, exam, "draft", **body).status_code == 422


def test_a_template_fills_empty_sections_only() -> None:
    exam, client, template = readable_exam(), client_of(a_user()), a_template()
    revision = claimed(client, exam)
    revision = post(client, exam, "draft", revision=revision, content=typed({"findings": "Có khối."})).json()[
        "revision"
    ]
    answer = post(client, exam, "template", template_id=template.pk, revision=revision).json()
    assert answer["texts"]["findings"] == "Có khối."
    assert answer["texts"]["conclusion"] == "Không thấy bất thường."
    assert answer["notReplaced"] == ["findings"]


def test_templates_of_the_service_and_modality_come_first() -> None:
    exam = readable_exam()
    service = a_template("Riêng dịch vụ này", service_code=exam.service_code)
    modality, other = a_template("CT"), a_template("MR", modality="MR")
    fits = {each["id"]: each["fits"] for each in templates_for(exam)}
    assert fits == {service.pk: "service", modality.pk: "modality", other.pk: "other"}


def test_approving_makes_a_version_and_owes_it_to_the_receiver() -> None:
    exam, client, receiver = readable_exam(), client_of(a_user()), a_receiver()
    revision = claimed(client, exam)
    revision = post(client, exam, "draft", revision=revision, content=typed({"conclusion": "Ổn."})).json()["revision"]
    answer = post(client, exam, "approve", revision=revision, status="F").json()
    assert answer == {"version": 1, "next": None}
    assert ReportVersion.objects.get().conclusion == "Ổn."
    assert Delivery.objects.get().receiver == receiver


def test_approving_without_conclusion_says_what_is_missing() -> None:
    exam, client = readable_exam(), client_of(a_user())
    answer = post(client, exam, "approve", revision=claimed(client, exam), status="F")
    assert answer.status_code == 422
    assert "kết luận" in answer.json()["detail"]


def test_approve_and_next_claims_the_most_urgent_exam_that_waits() -> None:
    exam, client = readable_exam(), client_of(a_user())
    readable_exam(minutes_ago=300)
    urgent = readable_exam(priority_rank=0, minutes_ago=5)
    revision = claimed(client, exam)
    revision = post(client, exam, "draft", revision=revision, content=typed({"conclusion": "Ổn."})).json()["revision"]
    assert (
        post(client, exam, "approve", revision=revision, status="F", next=True).json()["next"] == f"/exams/{urgent.pk}/"
    )
    assert client.get(f"/exams/{urgent.pk}/status").json()["rights"]["edit"]


def test_claim_next_skips_what_somebody_holds_and_ends_when_nothing_waits() -> None:
    first, second = readable_exam(minutes_ago=60), readable_exam(minutes_ago=30)
    claimed(client_of(a_user()), first)
    client = client_of(a_user())
    addresses = [client.post("/exams/next", {}, content_type="application/json").json()["address"] for _ in range(2)]
    assert addresses == [f"/exams/{second.pk}/", None]


def test_a_correction_makes_a_second_version_with_its_differences_in_the_history() -> None:
    exam, client = readable_exam(), client_of(a_user())
    revision = claimed(client, exam)
    revision = post(client, exam, "draft", revision=revision, content=typed({"conclusion": "U phải."})).json()[
        "revision"
    ]
    post(client, exam, "approve", revision=revision, status="F")
    revision = post(client, exam, "amend").json()["revision"]
    revision = post(client, exam, "draft", revision=revision, content=typed({"conclusion": "U trái."})).json()[
        "revision"
    ]
    assert post(client, exam, "approve", revision=revision, status="C").json()["version"] == 2
    history = client.get(f"/exams/{exam.pk}/versions").content.decode()
    assert "<del>phải</del><ins>trái</ins>" in history


def test_the_preview_is_a_pdf_of_the_draft() -> None:
    exam, client = readable_exam(), client_of(a_user())
    post(client, exam, "draft", revision=claimed(client, exam), content=typed({"conclusion": "Ổn."}))
    answer = client.get(f"/exams/{exam.pk}/preview.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_a_version_whose_pdf_is_still_being_made_asks_again_by_itself() -> None:
    exam, client = readable_exam(), client_of(a_user())
    revision = claimed(client, exam)
    revision = post(client, exam, "draft", revision=revision, content=typed({"conclusion": "Ổn."})).json()["revision"]
    post(client, exam, "approve", revision=revision, status="F")
    answer = client.get(f"/exams/{exam.pk}/versions/1/report.pdf")
    assert (answer.status_code, answer["Refresh"]) == (202, "2")
