"""Schemathesis against our own OpenAPI: every answer to whatever it makes up is one that the document describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from ris_webapp.api import door
from ris_webapp.api.reference import openapi
from ris_webapp.api.tests.programs import Program
from ris_webapp.wsgi import application

pytestmark = pytest.mark.django_db

DESCRIBED = schemathesis.openapi.from_dict(openapi())
DESCRIBED.app = application
OPERATIONS: list[Any] = [found.ok() for found in DESCRIBED.get_all_operations() if isinstance(found, Ok)]
HELD: Any = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
     "response_schema_conformance"]
)  # fmt: skip


@contextmanager
def _one_connection() -> Iterator[None]:
    """Requests share the test's transaction: a server would close the connection before and after each."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def _holds(case: Any, program: Program, order_id: int) -> None:
    if case.path_parameters.get("order_id", 1) in (0, 1):
        case.path_parameters["order_id"] = order_id
    answer = case.call(headers={"Authorization": f"Bearer {program.text}"})
    case.validate_response(answer, checks=HELD)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_a_described_one(operation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    program = Program()
    order_id = program.place()["id"]

    @settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def fitting(case: Any) -> None:
        _holds(case, program, order_id)

    @settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    def unfitting(case: Any) -> None:
        _holds(case, program, order_id)

    with _one_connection():
        fitting()
        unfitting()
