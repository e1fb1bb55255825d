"""Links and codes reach the receiver through a real mail server and a real HTTP gateway, and are then forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs

import msgspec
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from ris_core.letters.settings import Mail, Sms
from ris_core.settings import Webhooks
from ris_core.sharing.models import Share, ShareMessage
from ris_core.sharing.rules import Terms
from ris_core.sharing.services import make_share
from ris_core.sharing.telling import link_of, run_tell_share, send_link
from ris_testing.event_receiver import EventReceiver
from ris_testing.exams import a_reader, an_exam
from ris_testing.mail_server import HOST, PASSWORD, USERNAME, MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Settings that a test changes."""
    (tmp_path / "smtp_password").write_text(PASSWORD)
    (tmp_path / "sms_token").write_text("khoa-sms")
    sealing = settings.QUANG.secret("credential_sealing_key")
    (tmp_path / "credential_sealing_key").write_text(sealing)
    values: dict[str, Any] = {"secrets_dir": tmp_path, "public_url": "https://ris.example.org"}
    before = settings.QUANG

    class Changing:
        def __getattr__(self, name: str) -> Any:
            return getattr(msgspec.structs.replace(before, **values), name)

    with patch.object(settings, "QUANG", Changing()):
        yield values


@pytest.fixture
def gateway() -> Iterator[EventReceiver]:
    receiver = EventReceiver()
    yield receiver
    receiver.close()


def sent_to(address: str) -> tuple[Share, str, ShareMessage]:
    """A share whose link has been owed to ``address`` and tried once."""
    sharer = a_reader()
    share, secret = make_share(
        Terms(receiver="BS Minh", exam_ids=(an_exam().pk,), expires_at=timezone.now() + timedelta(days=1)), sharer
    )
    letter = send_link(share, address, link_of(secret), sharer)
    run_tell_share(str(letter.pk))
    letter.refresh_from_db()
    return share, secret, letter


def test_a_link_is_mailed_names_nobody_and_is_forgotten(changed: dict[str, Any], tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        changed["mail"] = Mail(
            host=HOST, port=server.port, username=USERNAME, sender="ris@example.org", ca_file=str(server.certificate)
        )
        share, secret, letter = sent_to("bs.minh@example.org")
        assert (letter.state, letter.last_error) == ("ACKNOWLEDGED", "")
        [mail] = server.messages
    text = mail.get_content()
    assert f"https://ris.example.org/share/#{secret}" in text
    assert share.exams.get().procedure.patient.full_name not in text
    assert (bytes(letter.sealed), bytes(letter.message)) == (b"", b"")


def test_a_link_is_texted_as_the_gateway_wants_it(changed: dict[str, Any], gateway: EventReceiver) -> None:
    changed["webhooks"] = Webhooks(plain_hosts="127.0.0.1")
    changed["sms"] = Sms(url=gateway.url, authorization="Bearer", id_field="ref")
    _share, secret, letter = sent_to("+84 912 345 678")
    assert (letter.state, letter.last_error) == ("ACKNOWLEDGED", "")
    [(headers, body)] = gateway.received
    said = json.loads(body)
    assert headers["Authorization"] == "Bearer khoa-sms"
    assert (said["to"], said["ref"]) == ("+84912345678", letter.control_id)
    assert secret in said["text"]


def test_a_gateway_that_wants_a_form_gets_one(changed: dict[str, Any], gateway: EventReceiver) -> None:
    changed["webhooks"] = Webhooks(plain_hosts="127.0.0.1")
    changed["sms"] = Sms(
        url=gateway.url, body="form", to_field="phone", text_field="content", fixed_fields="brandname=BVQ&unicode=1"
    )
    sent_to("0912345678")
    [(headers, body)] = gateway.received
    fields = parse_qs(body.decode())
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (fields["phone"], fields["brandname"], fields["unicode"]) == (["0912345678"], ["BVQ"], ["1"])
    assert "/share/#" in fields["content"][0]


def test_a_gateway_that_is_down_gets_the_same_message_later(changed: dict[str, Any], gateway: EventReceiver) -> None:
    changed["webhooks"] = Webhooks(plain_hosts="127.0.0.1")
    changed["sms"] = Sms(url=gateway.url)

    def refuses(handler: Any) -> None:
        handler.send_response(503)
        handler.end_headers()

    gateway.behaviours.append(refuses)
    _share, secret, letter = sent_to("0912345678")
    assert letter.state == "RETRY"
    with connection.cursor() as cursor:
        cursor.execute("SELECT message FROM sharing_sharemessage")
        assert secret.encode() not in bytes(cursor.fetchone()[0])
    run_tell_share(str(letter.pk))
    letter.refresh_from_db()
    assert letter.state == "ACKNOWLEDGED"
    assert gateway.received[0][1] == gateway.received[1][1]


@pytest.mark.parametrize("status", [200, 422])
def test_what_a_gateway_repeats_of_a_link_is_not_kept(
    status: int, changed: dict[str, Any], gateway: EventReceiver
) -> None:
    changed["webhooks"] = Webhooks(plain_hosts="127.0.0.1")
    changed["sms"] = Sms(url=gateway.url)

    def repeats(handler: Any) -> None:
        said = json.dumps({"id": "SMS9", "sent": json.loads(gateway.received[-1][1])["text"]}).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    gateway.behaviours.append(repeats)
    _share, secret, letter = sent_to("0912345678")
    kept = bytes(letter.last_acknowledgement)
    assert b"SMS9" in kept
    assert str(status).encode() in kept
    assert secret.encode() not in kept


def test_without_a_gateway_it_is_said_what_to_set(changed: dict[str, Any]) -> None:
    changed["sms"] = Sms()
    *_, letter = sent_to("0912345678")
    assert (letter.state, "sms.url" in letter.last_error) == ("RETRY", True)
