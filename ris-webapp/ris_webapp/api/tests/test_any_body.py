"""Whatever a program sends to an operation that writes, by its own description: it is done or named, never a fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ris_webapp.api import door
from ris_webapp.api.reference import openapi
from ris_webapp.api.tests.programs import Program, an_order

pytestmark = pytest.mark.django_db

_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _writes() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, each["requestBody"]["content"]["application/json"]["schema"])
        for path, methods in openapi()["paths"].items()
        for method, each in methods.items()
        if "requestBody" in each
    ]


def _bodies(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Bodies of the form that ``schema`` describes, each member now and then anything at all."""
    if "$ref" in schema:
        return _bodies(openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in schema:
        return st.one_of([_bodies(each, depth) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        members = {name: _bodies(each, depth + 1) for name, each in schema.get("properties", {}).items()}
        needed = {name: each for name, each in members.items() if name in schema.get("required", ())}
        optional = {name: each for name, each in members.items() if name not in needed}
        return st.fixed_dictionaries(needed, optional=optional)
    if kind == "array":
        return st.lists(_bodies(schema["items"], depth + 1), min_size=schema.get("minItems", 0), max_size=2)
    if kind == "string":
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True) | st.text(max_size=10)
        if schema.get("format") == "date-time":
            return st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()) | st.text(max_size=20)
        return st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 40), 40))
    return _ANY


@pytest.mark.parametrize(("method", "path", "schema"), _writes())
def test_any_body_is_carried_out_or_refused_by_name(
    method: str, path: str, schema: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.limit, "take", lambda *_: None)
    program = Program()
    order = program.place(**an_order())
    address = path.replace("{order_id}", str(order["id"]))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(_bodies(schema) | _ANY)
    def holds(body: Any) -> None:
        answer = program.call(method, address, json.dumps(body).encode())
        assert answer.status_code in (200, 201, 400, 404, 409, 422), answer.content
        assert json.loads(answer.content) is not None

    holds()
