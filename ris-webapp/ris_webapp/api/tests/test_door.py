"""Who gets in, how often and with how much (Q7, Q6)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from ris_core.access.api_keys import recognise, revoke_api_key
from ris_core.access.errors import TooManyRequests
from ris_core.access.models import ApiKey
from ris_core.access.scopes import Scope
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.messages.models import InboundMessage
from ris_webapp.api import door, orders
from ris_webapp.api.limits import MinuteLimit
from ris_webapp.api.reference import openapi, operation_scopes
from ris_webapp.api.tests.programs import Program, an_order
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "limit", MinuteLimit())


def _operations() -> list[tuple[str, str, Scope]]:
    scopes = operation_scopes()
    return [
        (
            method.upper(),
            path.replace("{order_id}", "999999").replace("{patient_id}", "999999"),
            scopes[each["operationId"]],
        )
        for path, methods in openapi()["paths"].items()
        for method, each in methods.items()
    ]


def test_every_operation_says_which_scope_it_needs() -> None:
    ids = [each["operationId"] for methods in openapi()["paths"].values() for each in methods.values()]
    assert set(ids) == set(operation_scopes())


@pytest.mark.parametrize(("method", "path", "scope"), _operations())
def test_an_operation_opens_to_its_scope_alone(method: str, path: str, scope: Scope) -> None:
    assert Client().generic(method, path).status_code == 401
    others = Program([each for each in Scope if each is not scope])
    refused = others.call(method, path, {})
    assert (refused.status_code, json.loads(refused.content)["code"]) == (403, "QUANG-6102")
    opened = Program([scope]).call(method, path, {})
    assert opened.status_code in (200, 404, 422), opened.content


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer qk_", "Basic YTpi", "Bearer qk_aaaaaaaa_" + "x" * 43, "Bearer " + "x" * 5000]
)
def test_without_a_valid_key_nobody_gets_in_and_it_is_noted(header: str) -> None:
    answer = Client().get("/api/v1/orders", headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="quang"')
    assert AuditEvent.objects.get().action == "api.refused"


def test_a_logged_in_user_is_no_program() -> None:
    assert client_as("ADMINISTRATOR").get("/api/v1/orders").status_code == 401


def _expire(program: Program) -> None:
    ApiKey.objects.filter(pk=program.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize(
    "end",
    [
        lambda program: revoke_api_key(program.key.pk, SYSTEM),
        _expire,
        lambda program: ApiKey.objects.filter(pk=program.key.pk).update(networks=["10.0.0.0/8"]),
    ],
)
def test_a_key_that_is_withdrawn_over_or_used_from_elsewhere_is_refused_at_once(end: Any) -> None:
    program = Program()
    program.get("/api/v1/orders")
    end(program)
    assert program.call("GET", "/api/v1/orders").status_code == 401


def test_a_key_is_used_from_its_networks() -> None:
    program = Program(networks=("10.1.0.0/16", "2001:db8::/32"))
    assert program.call("GET", "/api/v1/orders", X_Forwarded_For="10.1.2.3").status_code == 200
    assert program.call("GET", "/api/v1/orders", X_Forwarded_For="10.2.2.3").status_code == 401


def test_of_a_key_only_its_hash_is_kept_and_its_last_use() -> None:
    program = Program()
    assert recognise(program.text, "10.0.0.9") == program.key
    kept = ApiKey.objects.filter(pk=program.key.pk).values().get()
    assert program.text.removeprefix(f"qk_{program.key.prefix}_") not in str(kept)
    assert kept["last_address"] == "10.0.0.9"
    assert kept["last_used_at"] is not None


def test_more_requests_than_allowed_have_to_wait(settings: Settings) -> None:
    quang = settings.QUANG
    settings.QUANG = msgspec.structs.replace(quang, api=msgspec.structs.replace(quang.api, requests_per_minute=3))
    program = Program()
    statuses = [program.call("GET", "/api/v1/orders").status_code for _ in range(4)]
    if statuses != [200, 200, 200, 429]:  # a minute ended in between
        statuses = [program.call("GET", "/api/v1/orders").status_code for _ in range(4)]
    assert statuses[-1] == 429
    assert Program().call("GET", "/api/v1/orders").status_code == 200


def test_a_limit_begins_anew_with_each_minute() -> None:
    now = [0.0]
    limit = MinuteLimit(lambda: now[0])
    limit.take("a", 1)
    limit.take("b", 1)
    with pytest.raises(TooManyRequests):
        limit.take("a", 1)
    now[0] = 60.0
    limit.take("a", 1)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"a": "\\u0000"}', {}, 400),
        (b'{"a": "\\ud800"}', {}, 400),
        (b"[" * 5000, {}, 400),
        (b"[" * 50 + b"]" * 50, {}, 400),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b"", {}, 422),
        (b"{}", {"Content_Type": "text/plain"}, 400),
        (b"{}", {"Content_Type": "application/x-www-form-urlencoded"}, 400),
        (b" " * (1024 * 1024 + 1), {}, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, headers: dict[str, str], status: int) -> None:
    answer = Program().call("POST", "/api/v1/orders", body, **headers)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", "/api/v1/orders/1", 405),
        ("PUT", "/api/v1/orders", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/orders", 404),
        ("GET", "/api/v1/orders/" + "9" * 40, 404),
        ("GET", "/api/v1/orders?after=" + "9" * 40, 422),
        ("GET", "/api/v1/orders?limit=0", 422),
        ("GET", "/api/v1/orders?status=X", 422),
        ("GET", "/api/v1/orders?updated_since=yesterday", 422),
    ],
)
def test_what_the_interface_does_not_have_is_a_problem_too(method: str, path: str, status: int) -> None:
    answer = Program().call(method, path, {} if method == "PUT" else None)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_the_description_is_there_for_tools_and_for_people() -> None:
    document = Client().get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert document["paths"]["/api/v1/orders"]["post"]["security"] == [{"apiKey": []}]
    page = Client().get("/api/v1/").content.decode()
    assert "/api/v1/orders/{order_id}/cancel" in page
    assert "<script>" not in page


def test_a_fault_of_ours_is_told_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(orders, "place_order", broken)
    answer = Program().call("POST", "/api/v1/orders", an_order())
    assert (answer.status_code, json.loads(answer.content)["code"]) == (500, "QUANG-0000")
    assert InboundMessage.objects.get().acknowledgement_code == "500"


def test_a_request_that_wrote_is_shown_in_the_inbox_of_messages() -> None:
    program = Program()
    program.call("POST", "/api/v1/orders", an_order(), Idempotency_Key="K-7")
    program.call("POST", "/api/v1/orders", an_order(priority="?"), Idempotency_Key="K-8")
    inbox = client_as("ADMINISTRATOR")
    listed = inbox.get("/messages/?box=all&days=all").content.decode()
    assert "K-7" in listed
    assert "K-8" in listed
    waiting = inbox.get("/messages/").content.decode()
    assert "K-8" not in waiting  # the caller was told; nobody here has to do anything
    for kept in InboundMessage.objects.all():
        opened = inbox.get(f"/messages/?box=all&days=all&open={kept.pk}")
        assert "POST /api/v1/orders" in opened.content.decode()


def test_a_form_with_files_is_no_body() -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
    answer = Program().call("POST", "/api/v1/orders", form, Content_Type="multipart/form-data; boundary=x")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "QUANG-6105")
