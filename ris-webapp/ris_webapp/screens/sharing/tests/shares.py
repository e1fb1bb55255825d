"""What the tests of shares start from: an exam with images, a share of it by the form, a receiver who is in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import msgspec
from django.test import Client
from django.utils import timezone

from ris_core.orders.models import RequestedProcedure
from ris_core.sharing.models import Share, ShareMessage
from ris_core.sharing.telling import Letter
from ris_core.studies.models import Study
from ris_webapp.screens.reading.tests.exams import a_study, an_exam


def an_exam_with_images() -> tuple[RequestedProcedure, Study]:
    exam = an_exam()
    return exam, a_study(exam)


def made(sharer: Client, *exams: RequestedProcedure, **fields: Any) -> tuple[Share, str]:
    """A share by the form, and the secret that stands in its link."""
    day = (timezone.localdate() + timedelta(days=7)).isoformat()
    entered = {"exam": [exam.pk for exam in exams], "receiver": "BS Minh", "expires_at": day, "lock": "NONE", **fields}
    answer = sharer.post("/shares/new/", entered)
    assert answer.status_code == 200, answer.content.decode()[:3000]
    secret = re.search(r"/share/#([A-Za-z0-9_-]{43})", answer.content.decode())
    assert secret is not None
    return Share.objects.latest("pk"), secret[1]


def knock(receiver: Client, secret: str, answer: str = "") -> Any:
    return receiver.post("/share/open", {"link": secret, "answer": answer})


def entered(secret: str) -> tuple[Client, str]:
    receiver = Client()
    return receiver, knock(receiver, secret).json()["to"]


def sealed_letter(letter: ShareMessage) -> Letter:
    return msgspec.json.decode(bytes(letter.sealed), type=Letter)
