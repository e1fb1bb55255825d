"""Events posted to another system's program: signed, once in effect, nowhere where they may not go (R6, Q7)."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue
from ris_core.jobs.models import Job
from ris_core.notifications.models import Notification
from ris_core.notifications.sending import NOTIFICATIONS
from ris_core.notifications.services import announce_event
from ris_core.outbox.entries import OutboxState
from ris_core.webhooks.rules import AddressRefused, parsed_address, refuse_inner_address, signature
from ris_core.webhooks.services import WebhookRegistration, register_webhook, replace_secret
from ris_testing.event_receiver import Behaviour, EventReceiver
from ris_testing.exams import an_exam


def fails(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_error(500)


def redirects(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://127.0.0.1:1/elsewhere")
    handler.end_headers()


def answers_garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"MSH|^~\\&|no HTTP at all\r\n")


def closes(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def drips(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Never silent for long, and never done."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(600):
        handler.wfile.write(f"X-{number}: y\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.05)


def floods(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"x" * 200_000)


@pytest.fixture
def program(settings: Any) -> Iterator[EventReceiver]:
    quang = settings.QUANG
    settings.QUANG = msgspec.structs.replace(
        quang,
        webhooks=msgspec.structs.replace(quang.webhooks, plain_hosts="127.0.0.1"),
        delivery=msgspec.structs.replace(quang.delivery, timeout_seconds=1.0, max_attempts=3),
    )
    made = EventReceiver()
    yield made
    made.close()


def _owed(program: EventReceiver, **values: Any) -> tuple[Notification, str]:
    """An event that the program is owed, and the secret that it knows."""
    registration = WebhookRegistration(
        code="EMR", name="EMR", url=program.url, events=frozenset({"exam.completed"}), **values
    )
    _, secret = register_webhook(registration, SYSTEM)
    announce_event("exam.completed", an_exam().pk)
    return Notification.objects.get(), secret


@pytest.mark.django_db
@pytest.mark.parametrize("with_names", [False, True])
def test_an_event_arrives_signed_with_numbers_and_status(program: EventReceiver, with_names: bool) -> None:
    notification, secret = _owed(program, with_names=with_names)
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert notification.state == OutboxState.ACKNOWLEDGED
    headers, body = program.received[0]
    expected = hmac.new(secret.encode(), f"{headers['Quang-Timestamp']}.".encode() + body, hashlib.sha256)
    assert headers["Quang-Signature"] == f"v1={expected.hexdigest()}"
    assert abs(int(headers["Quang-Timestamp"]) - time.time()) < 60
    told = json.loads(body)
    assert (told["event"], headers["Quang-Event-Id"]) == ("exam.completed", told["id"])
    assert told["order"]["status"] == "READY_TO_READ"
    assert ("NGUYỄN" in body.decode()) is with_names
    assert secret not in str(list(Notification.objects.values())) + str(list(Job.objects.values()))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (fails, "QUANG-5103"),
        (redirects, "QUANG-5103"),
        (answers_garbage, "QUANG-5104"),
        (floods, "QUANG-5104"),
        (closes, "QUANG-5302"),
        (drips, "QUANG-5302"),
    ],
)
def test_what_is_not_accepted_comes_again_with_the_same_id_and_body(
    program: EventReceiver, behaviour: Behaviour, code: str
) -> None:
    notification, _ = _owed(program)
    program.behaviours = [behaviour]
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert (notification.state, notification.last_error[:10]) == (OutboxState.RETRY, code)
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert notification.state == OutboxState.ACKNOWLEDGED
    (first, body), (again, same) = program.received
    assert (first["Quang-Event-Id"], body) == (again["Quang-Event-Id"], same)


@pytest.mark.django_db
def test_what_is_never_accepted_is_a_dead_letter_that_a_person_sends_again(program: EventReceiver) -> None:
    notification, _ = _owed(program)
    program.behaviours = [fails] * 3
    for _ in range(3):
        NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert notification.state == OutboxState.DEAD
    NOTIFICATIONS.replay(notification.pk, SYSTEM)
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert notification.state == OutboxState.ACKNOWLEDGED


@pytest.mark.django_db
def test_nobody_listening_is_known_not_to_have_it(program: EventReceiver) -> None:
    notification, _ = _owed(program)
    program.close()
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert (notification.last_error[:10], notification.possibly_seen) == ("QUANG-5101", False)


@pytest.mark.django_db
def test_a_replaced_secret_signs_the_next_event(program: EventReceiver) -> None:
    notification, secret = _owed(program)
    new = replace_secret(notification.receiver_id, SYSTEM)
    assert new != secret
    NOTIFICATIONS.attempt(notification.pk)
    headers, body = program.received[0]
    assert headers["Quang-Signature"] == signature(new, int(headers["Quang-Timestamp"]), body)


@pytest.mark.django_db
def test_an_address_that_leads_inside_later_is_refused_when_the_event_is_sent(
    program: EventReceiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    notification, _ = _owed(program)
    assert notification.receiver.webhook is not None
    notification.receiver.webhook.url = "https://emr.example/events"
    notification.receiver.webhook.save()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    NOTIFICATIONS.attempt(notification.pk)
    notification.refresh_from_db()
    assert notification.last_error.startswith("QUANG-5301")
    assert program.received == []


@pytest.mark.parametrize(
    "url", ["http://emr.example/", "ftp://emr.example/", "https://a:b@emr.example/", "https:///x", "https://x/a b", "x",
            "https://emr.example:99999/", "https://emr.example/#a", "https://emr.example/\r\nHost: x"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_when_it_is_entered(url: str) -> None:
    with pytest.raises((InvalidValue, AddressRefused)):
        parsed_address(url, ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.1",
        "::1",
        "169.254.169.254",
        "fe80::1%eth0",
        "::",
        "::ffff:127.0.0.1",
        "224.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "100.100.100.200",
    ],
)
def test_addresses_of_this_machine_are_refused_whatever_name_leads_there(address: str) -> None:
    with pytest.raises(AddressRefused):
        refuse_inner_address("emr.example", address, ())
    refuse_inner_address("emr.example", address, ("emr.example",))


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.1.5", "203.0.113.9", "2001:4860::1", "64:ff9b::cb00:7109", "fd12::5"]
)
def test_addresses_of_the_hospital_and_beyond_are_reached(address: str) -> None:
    refuse_inner_address("emr.example", address, ())
