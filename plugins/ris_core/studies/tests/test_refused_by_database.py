"""What the database itself refuses."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.studies.models import Study, StudyLink, StudyState
from ris_core.studies.tests.conftest import (
    Follow,
    PlaceOrder,
    Send,
)

pytestmark = pytest.mark.django_db


def test_no_study_has_a_patient_without_being_linked(order: PlaceOrder, send: Send, follow: Follow) -> None:
    """Domain invariant 1."""
    patient = order("OTHER").patient
    send(AccessionNumber="")
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(patient=patient)
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(state=StudyState.READY_TO_READ)


def test_no_linked_study_is_without_a_patient(order: PlaceOrder, send: Send, follow: Follow) -> None:
    order()
    send()
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(patient=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(state=StudyState.UNMATCHED)


@pytest.mark.parametrize("change", [{"as_received": {}}, {"study_instance_uid": "9.9"}])
def test_what_was_received_cannot_be_changed(send: Send, follow: Follow, change: dict[str, object]) -> None:
    """Domain invariant 3."""
    send()
    follow()
    with pytest.raises(IntegrityError), transaction.atomic():
        Study.objects.update(**change)


def test_no_link_is_made_twice(order: PlaceOrder, send: Send, follow: Follow) -> None:
    order()
    send()
    follow()
    link = StudyLink.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        StudyLink.objects.create(study=link.study, procedure=link.procedure, how="PERSON", linked_at=timezone.now())
