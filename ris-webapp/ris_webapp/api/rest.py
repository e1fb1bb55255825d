"""The REST interface, version 1: its parts, and how it reads bodies and answers errors."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.parser import Parser

from ris_webapp.api import exams, orders, patients
from ris_webapp.api.caller import closed
from ris_webapp.api.problems import answer_errors


class CheckedBody(Parser):
    """Gives operations the body that the door has read."""

    def parse_body(self, request: HttpRequest) -> Any:
        return request.json  # type: ignore[attr-defined]


api = NinjaAPI(
    title="Quang",
    version="1",
    description="Orders, patients, exams and reports for the programs of other systems.",
    docs_url=None,
    openapi_url=None,
    urls_namespace="rest",
    auth=closed,
    parser=CheckedBody(),
)
api.add_router("/orders", orders.router)
api.add_router("/orders", exams.router)
api.add_router("/patients", patients.router)
api.add_router("/devices", exams.device_router)
answer_errors(api)
