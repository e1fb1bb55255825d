"""A link is opened while its exams change elsewhere: neither waits for the other for good (R10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ris_core.sharing import opening
from ris_core.sharing.following import images_taken_from, patients_changed
from ris_core.sharing.models import Share, ShareOpening
from ris_core.sharing.opening import Knock, Opened, open_share
from ris_core.sharing.passing_on import pass_on
from ris_core.sharing.rules import Further, Terms
from ris_core.sharing.services import make_share, revoke_share
from ris_core.sight.models import ConfidentialPatient
from ris_testing.exams import a_reader, an_exam


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["images_taken", "patient", "revoked"])
def test_a_link_that_was_passed_on_is_opened_while_its_exam_changes(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exam, reader, later = an_exam(), a_reader(), timezone.now() + timedelta(days=1)
    share, secret = make_share(
        Terms(receiver="BS Minh", exam_ids=(exam.pk,), expires_at=later, may_pass_on=True), reader
    )
    opened = open_share(Knock(secret=secret))
    assert isinstance(opened, Opened)
    _child, further = pass_on(opened.opening, Further(receiver="BS Hoa", expires_at=later), "10.0.0.1")
    ConfidentialPatient.objects.create(patient_id=exam.patient_id)
    acts: dict[str, Callable[[], object]] = {
        "images_taken": lambda: images_taken_from(exam.pk),
        "patient": lambda: patients_changed([exam.patient_id]),
        "revoked": lambda: revoke_share(share.pk, reader),
    }
    failed: list[Exception] = []

    def change() -> None:
        try:
            with transaction.atomic():
                acts[what]()
        except Exception as error:  # noqa: BLE001 (shown by the test's own thread)
            failed.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=change)
    lock_above = opening._lock_above

    def between(share: Share) -> None:
        thread.start()
        time.sleep(1.0)  # until it has locked what it can
        lock_above(share)

    if connection.vendor == "postgresql":
        monkeypatch.setattr(opening, "_lock_above", between)
        open_share(Knock(secret=further))
        thread.join(60)
    else:  # SQLite has one writer at a time, and the tests' database lies in one connection
        open_share(Knock(secret=further))
        with transaction.atomic():
            acts[what]()
    assert failed == []
    assert ShareOpening.objects.count() == 2
    assert all(each.revision > 1 for each in Share.objects.all())
