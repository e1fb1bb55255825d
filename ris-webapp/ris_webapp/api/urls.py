"""Addresses of the REST interface: each operation behind the door, and what describes them."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt

from ris_core.errors import NotFound
from ris_core.messages.models import Protocol
from ris_webapp.api import reference
from ris_webapp.api.door import admit
from ris_webapp.api.problems import problem_answer
from ris_webapp.api.rest import api
from ris_webapp.permission import public

app_name = "rest"


@csrf_exempt  # a program is told that there is no such address, not that its form is too old
@public
def unknown(request: HttpRequest) -> HttpResponse:
    """An address that the interface does not have."""
    return problem_answer(NotFound("there is no such operation; /api/v1/ lists them"))


def _operations() -> list[URLPattern]:
    patterns, _, _ = api.urls
    found = [each for each in patterns if isinstance(each, URLPattern) and each.name != "api-root"]
    return [
        path(
            f"api/v1/{each.pattern}",
            admit(each.callback, Protocol.REST, problem_answer),
            name=re.sub(r"\W+", "_", str(each.pattern)).strip("_"),
        )
        for each in found
    ]


urlpatterns = [
    path("api/v1/", reference.page, name="reference"),
    path("api/v1/openapi.json", reference.openapi_document, name="openapi"),
    *_operations(),
    re_path(r"^api/.*$", unknown, name="unknown"),
]
