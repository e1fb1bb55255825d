"""Programs of other systems on a bad day: events reach one that was down, signed; an order that the web process was
killed under is placed once (R6, Q7)."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from ris_testing.backends import Part, RunningSuite
from ris_testing.event_receiver import EventReceiver, is_ours
from ris_testing.orders import unique
from ris_testing.program import Program, make_api_key
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_SECONDS = 60.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_SECRET = re.compile(r'id="secret" readonly value="([^"]+)"')
PLACED = """
import json
from ris_core.orders.models import RequestedProcedure
orders = RequestedProcedure.objects.filter(placer_order_number__in={numbers!r})
print(json.dumps(sorted(orders.values_list("placer_order_number", flat=True))))
"""


@pytest.fixture
def hospital(new_suite: Callable[[Mapping[str, str]], RunningSuite]) -> RunningSuite:
    return new_suite({"QUANG_WEBHOOKS__PLAIN_HOSTS": "127.0.0.1", "QUANG_DELIVERY__FIRST_RETRY_SECONDS": "1"})


@pytest.fixture
def down() -> EventReceiver:
    """A receiver that has a port, and does not listen on it (yet)."""
    receiver = EventReceiver()
    receiver.close()
    return receiver


def register_webhook(administrator: RisUser, url: str) -> str:
    """On the screen; the secret that it shows once."""
    address = f"{administrator.public_url}/admin/webhooks/new/"
    token = _TOKEN.search(administrator.session.get(address, timeout=20).text)
    assert token is not None, "no form"
    fields = {
        "csrfmiddlewaretoken": token[1], "code": "EMR", "name": "Bệnh án điện tử", "url": url, "active": "on",
        "events": ["exam.scheduled", "exam.cancelled"],
    }  # fmt: skip
    shown = administrator.session.post(address, data=fields, headers={"Referer": address}, timeout=20)
    secret = _SECRET.search(shown.text)
    assert secret is not None, shown.status_code
    return secret[1]


def an_order_by_rest() -> dict[str, Any]:
    return {
        "placer_order_number": unique("PL"),
        "patient": {"identifiers": [{"value": unique("BN")}], "full_name": "LÊ VĂN CAM", "sex": "M"},
        "service": {"code": "CT.SONAO"},
        "accession_number": unique("AC"),
    }


def insist(program: Program, order: dict[str, Any], key: str) -> requests.Response:
    """Send the same request under its key until there is an answer to believe, as programs do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = program.call("POST", "/api/v1/orders", order, Idempotency_Key=key)
        except requests.ConnectionError:
            answer = None
        if answer is not None and answer.status_code < 500:
            return answer
        time.sleep(0.2)
    pytest.fail("no answer until the end")


def test_a_receiver_that_was_down_is_told_and_an_order_is_placed_once(
    hospital: RunningSuite, down: EventReceiver
) -> None:
    administrator = log_in(hospital.public_url, hospital.demo_logins(), "ADMINISTRATOR")
    secret = register_webhook(administrator, down.url)
    key = make_api_key(administrator, "EMR|BVQ", ["orders:write", "orders:read"])
    program = Program(hospital.public_url, key)

    orders = [(an_order_by_rest(), unique("K")) for _ in range(6)]
    killer = threading.Timer(0.3, hospital.kill, (Part.WEB,))
    before = hospital.restarts(Part.WEB)
    killer.start()
    first = [insist(program, order, once) for order, once in orders]
    killer.join()
    hospital.wait_restarted(Part.WEB, before)
    assert {answer.status_code for answer in first} == {201}
    for (order, once), answer in zip(orders, first, strict=True):
        assert insist(program, order, once).content == answer.content
    numbers = sorted(order["placer_order_number"] for order, _ in orders)
    assert json.loads(hospital.python(PLACED.format(numbers=numbers))) == numbers

    cancelled = first[0].json()["id"]
    assert program.call("POST", f"/api/v1/orders/{cancelled}/cancel", {}).status_code == 200
    receiver = EventReceiver(down.port)
    try:
        wait_until(lambda: len({said["id"] for said in told(receiver)}) >= len(orders) + 1, "every event has arrived")
    finally:
        receiver.close()
    assert all(is_ours(secret, headers, body) for headers, body in receiver.received)
    assert not any(is_ours("whs_other", headers, body) for headers, body in receiver.received)
    by_exam = [said["event"] for said in told(receiver) if said["order"]["id"] == cancelled]
    assert list(dict.fromkeys(by_exam)) == ["exam.scheduled", "exam.cancelled"]
    assert {said["order"]["placer_order_number"] for said in told(receiver)} == set(numbers)


def told(receiver: EventReceiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.received]
