"""Every kind of token at every door: only its own opens, and not when one character of it is another (P3, R10)."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client

from ris_core.access.signing import Keyring
from ris_core.access.tokens import (
    ImageLink,
    ResultLink,
    issue_image_link,
    issue_result_link,
    issue_viewer_token,
)
from ris_core.identifiers import StudyInstanceUID
from ris_core.sharing.rules import Terms
from ris_core.sharing.services import make_share
from ris_testing.exams import a_reader, a_receiver, an_exam
from ris_webapp.api import door
from ris_webapp.api.tests.programs import Program
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

LATER: Final = datetime.now(UTC) + timedelta(hours=1)
STATUS: Final = "/exams/1/status"
AS_SCRIPT: Final = {"Accept": "application/json"}
IMAGE: Final = "/dicom-web/studies/1.2.3/series/1.2.3.1/instances/1.2.3.1.1/rendered"


def _knock(client: Client, text: str) -> Any:
    return client.post("/share/open", {"link": text})


DOORS: Final[dict[str, Callable[[Client, str], Any]]] = {
    "result": lambda client, text: client.get(f"/open/{text}"),
    "image": lambda client, text: client.get(f"/open/image/{text}"),
    "share": _knock,
    "key": lambda client, text: client.get("/api/v1/orders", headers={"Authorization": f"Bearer {text}"}),
    "fhir": lambda client, text: client.get("/fhir/Patient", headers={"Authorization": f"Bearer {text}"}),
    "viewer": lambda client, text: client.get(IMAGE, headers={"Cookie": f"quang_view_0123456789ab={text}"}),
    "session": lambda client, text: client.get(STATUS, headers=AS_SCRIPT | {"Cookie": f"quang_session={text}"}),
}  # fmt: skip
OPENS: Final = {"result": {"result"}, "image": {"image"}, "share": {"share"}, "key": {"key"}, "fhir": {"key"}}
"""The kinds of token that a door takes; the engine's images and sessions stand for themselves."""


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A valid one of each kind."""
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    monkeypatch.setattr("ris_core.sharing.opening.MOST_REFUSALS", 10_000)
    exam, receiver, reader = an_exam(), a_receiver(), a_reader()
    keyring = Keyring.from_settings(settings.QUANG)
    uids = frozenset({StudyInstanceUID(exam.study_instance_uid)})
    _, secret = make_share(Terms(receiver="BS Minh", exam_ids=(exam.pk,), expires_at=LATER), reader)
    return {
        "viewer": issue_viewer_token(keyring, uids, "bs_lan", LATER, grant="session:none"),
        "result": issue_result_link(keyring, ResultLink(receiver.code, exam.pk, 0, uids, LATER, exam.patient_id)),
        "image": issue_image_link(keyring, ImageLink(receiver.code, 1, 1, LATER)),
        "share": secret,
        "key": Program().text,
        "session": str(client_as().session.session_key),
    }


def _refused(answer: Any) -> bool:
    return answer.status_code in (400, 401, 403, 404, 410, 429)


@pytest.mark.parametrize("name", DOORS)
def test_no_door_takes_another_doors_token(name: str, tokens: dict[str, str]) -> None:
    for kind, text in tokens.items():
        if kind != name and kind not in OPENS.get(name, ()):
            assert _refused(DOORS[name](Client(), text)), kind


@pytest.mark.parametrize("name", ["result", "share", "key"])
def test_a_door_opens_by_its_own_and_by_nothing_near_it(name: str, tokens: dict[str, str]) -> None:
    text = tokens[name]
    assert not _refused(DOORS[name](Client(), text))
    others = string.ascii_letters + string.digits
    for place in range(0, len(text), max(1, len(text) // 40)):
        changed = next(each for each in others if each not in (text[place], text[place].swapcase()))
        for near in (text[:place] + changed + text[place + 1 :], text[:place], text[place:] + text[:place]):
            if near != text:
                assert _refused(DOORS[name](Client(), near)), (name, place)
    for near in (f"{text}x", f"x{text}", f"{text}.", text.upper(), text[::-1], f"{text}%00", f"{text},{text}"):
        assert _refused(DOORS[name](Client(), near)), near


@pytest.mark.parametrize("name", ["result", "image", "viewer"])
def test_a_token_of_another_key_or_out_of_its_time_opens_nothing(name: str, tokens: dict[str, str]) -> None:
    uids = frozenset({StudyInstanceUID("1.2.3")})
    ours = Keyring.from_settings(settings.QUANG)
    for keyring, until in ((Keyring.from_text("z" * 43), LATER), (ours, datetime.now(UTC) - timedelta(seconds=1))):
        text = {
            "result": issue_result_link(keyring, ResultLink("HIS", 1, 0, uids, until)),
            "image": issue_image_link(keyring, ImageLink("HIS", 1, 1, until)),
            "viewer": issue_viewer_token(keyring, uids, "u", until, grant="session:none"),
        }[name]
        assert _refused(DOORS[name](Client(), text))
