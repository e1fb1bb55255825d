"""What is sent twice is done once: Idempotency-Key, also when both come at the same time (invariant 7)."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connections

from ris_core.messages import requests
from ris_core.messages.models import InboundMessage, MessageState
from ris_core.orders.models import RequestedProcedure
from ris_webapp.api import door
from ris_webapp.api.tests.programs import Program, an_order


@pytest.mark.django_db
def test_the_same_key_and_request_is_answered_the_same_and_done_once() -> None:
    program, order = Program(), an_order()
    first, again = (program.call("POST", "/api/v1/orders", order, Idempotency_Key="K-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first["Content-Type"] == again["Content-Type"]
    assert InboundMessage.objects.count() == 1


@pytest.mark.django_db
def test_a_key_does_not_come_to_stand_for_another_request() -> None:
    program = Program()
    program.call("POST", "/api/v1/orders", an_order(), Idempotency_Key="K-1")
    other = program.call("POST", "/api/v1/orders", an_order(), Idempotency_Key="K-1")
    assert (other.status_code, json.loads(other.content)["code"]) == (422, "QUANG-7101")
    assert RequestedProcedure.objects.count() == 1
    assert InboundMessage.objects.filter(state=MessageState.REFUSED).count() == 1


@pytest.mark.django_db
def test_two_senders_may_use_the_same_key() -> None:
    for sender in ("HIS|BVQ", "HIS|BVX"):
        answer = Program(sender=sender).call("POST", "/api/v1/orders", an_order(), Idempotency_Key="K-1")
        assert answer.status_code == 201


@pytest.mark.django_db
def test_a_refused_request_had_no_effect_and_may_come_corrected_under_its_key() -> None:
    program, order = Program(), an_order()
    for _ in range(2):
        refused = program.call("POST", "/api/v1/orders", {**order, "priority": "?"}, Idempotency_Key="K-1")
        assert refused.status_code == 422
    assert program.call("POST", "/api/v1/orders", order, Idempotency_Key="K-1").status_code == 201
    assert sorted(InboundMessage.objects.values_list("state", flat=True)) == ["APPLIED", "REFUSED"]


@pytest.mark.django_db(transaction=True)
def test_duplicates_at_the_same_time_have_one_effect_and_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    program, order = Program(), an_order()
    together = threading.Barrier(4)
    answers: list[tuple[int, bytes]] = []
    received = requests.receive_request

    def at_once(*arguments: object) -> object:
        together.wait(30)
        return received(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(door, "receive_request", at_once)

    def send() -> None:
        try:
            answer = program.call("POST", "/api/v1/orders", order, Idempotency_Key="K-1")
            answers.append((answer.status_code, answer.content))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {status for status, _ in answers} == {201}
    assert len(answers) == 4
    assert len({content for _, content in answers}) == 1
    assert RequestedProcedure.objects.count() == 1
    assert InboundMessage.objects.count() == 1


@pytest.mark.django_db
def test_nothing_is_there_when_the_process_dies_before_the_request_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The effect and the kept request are one transaction: without the one there is not the other."""

    def dies(*arguments: object) -> None:
        raise KeyboardInterrupt

    program = Program()
    monkeypatch.setattr(requests, "_keep", dies)
    with pytest.raises(KeyboardInterrupt):
        program.call("POST", "/api/v1/orders", an_order(), Idempotency_Key="K-1")
    assert not RequestedProcedure.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 200, "khoá", "a b"])
def test_a_key_that_cannot_be_kept_is_refused(key: str) -> None:
    answer = Program().call("POST", "/api/v1/orders", an_order(), Idempotency_Key=key)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "QUANG-6105")
