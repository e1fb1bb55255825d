"""What the interface offers: OpenAPI for tools, and the same as a page for people, made by ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ris_core.access.scopes import Scope
from ris_webapp.api.caller import Scoped
from ris_webapp.api.rest import api
from ris_webapp.permission import public

PREFIX = "/api/v1"

_KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 199, "pattern": "^[\\x21-\\x7e]+$"},
    "description": "The same key with the same request is carried out once and answered the same again.",
}


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation, for the page."""

    method: str
    path: str
    summary: str
    description: str
    scope: str
    statuses: tuple[str, ...]


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document: ninja's, with the scope of each operation and the headers that the door reads."""
    document: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=f"{PREFIX}/"))
    scopes = operation_scopes()
    document["components"]["securitySchemes"] = {
        "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key: qk_…"}
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["security"] = [{"apiKey": []}]
            operation["x-required-scope"] = scopes[operation["operationId"]]
            if method != "get":
                operation.setdefault("parameters", []).append(_KEY_HEADER)
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    answer["content"] = {"application/problem+json": answer["content"]["application/json"]}
            if path.endswith("/document"):
                pdf = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
                operation["responses"][200] = {"description": "The document", "content": pdf}
    return document


def operation_scopes() -> dict[str, Scope]:
    """The scope that each operation needs, by its id."""
    return {
        api.get_openapi_operation_id(operation): check.scope
        for router in api._get_bound_routers()
        for view in router.path_operations.values()
        for operation in view.operations
        for check in operation.auth_callbacks
        if isinstance(check, Scoped)
    }


@public
@require_GET
def openapi_document(request: HttpRequest) -> HttpResponse:
    """The document for tools; it tells nothing of anybody."""
    return JsonResponse(openapi())


@public
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The operations as a table."""
    rows = [
        OperationRow(
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation.get("description", ""),
            scope=str(operation["x-required-scope"]),
            statuses=tuple(sorted(str(status) for status in operation["responses"])),
        )
        for path, methods in openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "api/reference.html", {"rows": rows, "scopes": list(Scope)})
