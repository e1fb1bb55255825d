"""No form changes or tells what is hidden from its sender, whatever numbers are put into its fields (P13, P17)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.forms.models import model_to_dict

from ris_core.accounts import roles
from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.exam_lists.models import Assignment, ExamTag, FolderExam
from ris_core.sharing.models import SharedExam
from ris_core.sight.services import limit_sight, set_confidential
from ris_webapp.tests.address_table import ADDRESSES, parameters_of
from ris_webapp.tests.people import a_role, a_user, client_as
from ris_webapp.tests.things import Things

pytestmark = [pytest.mark.django_db, pytest.mark.once]

NAME = "VŨ THỊ BÍ MẬT"
OF_EVERYBODY = frozenset(
    {"sight:emergency", "unmatched:link", "orders:link", "patients:move_visit", "patients:unmerge", "sharing:open"}
)
"""What opens with a reason, or works on all orders and images: see docs/security.md."""


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    yield
    roles.forget()


@pytest.fixture
def hidden() -> Things:
    things = Things()
    patient = things.exam.patient
    patient.full_name, patient.dicom_name, patient.search_key = NAME, "VU^THI BI MAT", "vu thi bi mat"
    patient.save()
    return things


def _state(things: Things) -> tuple[Any, ...]:
    exam = things.exam
    exam.refresh_from_db()
    exam.patient.refresh_from_db()
    kept = [kind.objects.filter(procedure_id=exam.pk).count() for kind in (Assignment, ExamTag, FolderExam, SharedExam)]
    return (model_to_dict(exam), model_to_dict(exam.patient), exam.links.count(), kept)


def _told_or_changed(user: User, things: Things) -> list[str]:
    """Addresses whose answer names the patient, or after which something of the exam is otherwise."""
    client, exam, before, found = client_as(user=user), things.exam, _state(things), []
    client.raise_request_exception = False
    numbers = {"patient": exam.patient_id, "study": things.keys["study_id"], "request": exam.request_id}
    words = {"q": NAME, "patient_query": NAME, "reason": "vì tôi muốn vậy", "action": "tag"}
    words |= dict.fromkeys(("number", "add", "accession_number"), exam.request.accession_number)
    for address in ADDRESSES.values():
        if "POST" not in address.methods or not address.functions or address.name in OF_EVERYBODY:
            continue
        sent = {name: words.get(name, numbers.get(name, exam.pk)) for name in parameters_of(address.name)}
        own = {**things.keys, "exam_id": 999_999, "procedure_id": 999_999, "patient_id": 999_999, "study_id": 999_999}
        for keys in (things.keys, own):  # hidden by the address, then by the fields alone
            answer = client.post(Things.address(address.name, keys), sent)
            body = answer.content.decode(errors="replace") if not answer.streaming else ""
            if NAME in body:
                found.append(f"{address.name} tells")
            if _state(things) != before:
                found.append(f"{address.name} changes")
                before = _state(things)
    return found


def test_who_lacks_the_function_changes_nothing_of_a_confidential_patient(hidden: Things) -> None:
    user = a_user(a_role(*(set(Function) - {Function.VIEW_CONFIDENTIAL, Function.BREAK_GLASS})))
    set_confidential(hidden.exam.patient_id, True, SYSTEM)
    assert _told_or_changed(user, hidden) == []


def test_somebody_with_limits_changes_nothing_outside_them(hidden: Things) -> None:
    user = a_user(a_role(*(set(Function) - {Function.BREAK_GLASS})))
    limit_sight(user.pk, {"modalities": ["MR"]}, SYSTEM)
    assert _told_or_changed(user, hidden) == []
    assert not AuditEvent.objects.filter(user_id=user.pk, patient_id=hidden.exam.patient_id, success=True).exists()


def test_the_walk_tells_and_changes_where_it_may(hidden: Things) -> None:
    """Or the tests above would show nothing."""
    assert len(_told_or_changed(a_user(a_role(*Function)), hidden)) > 5
