"""What the documents say of REST and FHIR is what the interfaces say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ris_webapp.api.reference import openapi
from ris_webapp.fhir.capability import capability_statement
from ris_webapp.fhir.kinds import KINDS

pytestmark = pytest.mark.once

CONFORMANCE = Path(__file__).resolve().parents[2] / "docs" / "conformance"


def test_every_operation_is_in_the_document_with_its_scope() -> None:
    rows = re.findall(r"^\| `([A-Z]+) (/api/\S+)` \| `(\S+)` \| (.+) \|$", (CONFORMANCE / "rest.md").read_text(), re.M)
    said = {(method, path): (scope, summary) for method, path, scope, summary in rows}
    assert said == {
        (method.upper(), path): (str(each["x-required-scope"]), each["summary"])
        for path, methods in openapi()["paths"].items()
        for method, each in methods.items()
    }


def test_every_resource_is_in_the_document_with_its_interactions_and_parameters() -> None:
    text = (CONFORMANCE / "fhir.md").read_text()
    rows = re.findall(r"^\| (\w+) \| `(\S+)` \| (\S+) \| ([a-z, -]+) \| (.+) \|$", text, re.M)
    said = {name: (interactions, parameters) for name, _, _, interactions, parameters in rows}
    assert {name: (read, write.strip("`")) for name, read, write, _, _ in rows} == {
        kind.name: (str(kind.scope), str(kind.write_scope or "–")) for kind in KINDS
    }
    (rest,) = capability_statement()["rest"]
    assert said == {
        each["type"]: (
            ", ".join(interaction["code"] for interaction in each["interaction"]),
            ", ".join(f"`{parameter['name']}`" for parameter in each["searchParam"]),
        )
        for each in rest["resource"]
        if "searchParam" in each
    }
