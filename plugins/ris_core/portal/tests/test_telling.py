"""The code for the portal reaches the telephone through a real HTTP gateway, and is then forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from django.conf import settings

from ris_core.letters.settings import Sms
from ris_core.patients.models import Patient
from ris_core.portal.entering import Knock, enter, give_code
from ris_core.portal.models import PortalLetter
from ris_core.portal.settings import Portal
from ris_core.portal.slips import make_slip
from ris_core.portal.telling import run_send_code
from ris_core.settings import Webhooks
from ris_testing.event_receiver import EventReceiver
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway() -> Iterator[EventReceiver]:
    receiver = EventReceiver()
    changed = msgspec.structs.replace(
        settings.QUANG,
        portal=Portal(sms_code=True),
        sms=Sms(url=receiver.url),
        webhooks=Webhooks(plain_hosts="127.0.0.1"),
    )
    with patch.object(settings, "QUANG", changed):
        yield receiver
    receiver.close()


def test_the_code_that_is_texted_opens_the_portal_and_names_nobody(gateway: EventReceiver) -> None:
    exam = an_exam()
    Patient.objects.filter(pk=exam.patient_id).update(phone="+84 912 345 678")
    _slip, code = make_slip(exam.patient_id, None, a_reader())
    waiting = enter(Knock(code=code, birth_date="19801121"))
    letter = PortalLetter.objects.get()
    run_send_code(str(letter.pk))
    letter.refresh_from_db()
    assert (letter.state, bytes(letter.sealed), bytes(letter.message)) == ("ACKNOWLEDGED", b"", b"")
    [(_headers, body)] = gateway.received
    said: dict[str, Any] = json.loads(body)
    assert said["to"] == "+84912345678"
    assert exam.patient.full_name not in said["text"]
    assert code not in said["text"]
    texted = re.search(r"\b[0-9]{6}\b", said["text"])
    assert texted is not None
    assert give_code(waiting.key, texted[0], "203.0.113.5").is_open
