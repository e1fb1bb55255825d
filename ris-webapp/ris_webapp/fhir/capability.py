"""CapabilityStatement: what can be done here, told from the same tables by which it is done."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from ris_webapp.fhir.kinds import KINDS, ResourceKind
from ris_webapp.fhir.outcome import MEDIA_TYPE, valid

FHIR_VERSION = "4.0.1"


def capability_statement() -> dict[str, Any]:
    """The statement; it tells nothing of anybody."""
    binary = {"type": "Binary", "interaction": [{"code": "read"}]}
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "software": {"name": "Quang"},
        "implementation": {
            "description": settings.QUANG.site.name,
            "url": f"{settings.QUANG.public_url.rstrip('/')}/fhir",
        },
        "fhirVersion": FHIR_VERSION,
        "format": [MEDIA_TYPE, "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "API keys with scopes: Authorization: Bearer qk_…"},
                "resource": [*map(_resource, KINDS), binary],
                "interaction": [{"code": "transaction"}],
            }
        ],
    }
    return valid(CapabilityStatement, statement)


def _resource(kind: ResourceKind) -> dict[str, Any]:
    return {
        "type": kind.name,
        "interaction": [{"code": code} for code in ("read", "search-type", *kind.writes)],
        "versioning": "no-version",
        "searchParam": [{"name": each.name, "type": each.type} for each in kind.parameters],
        "documentation": f"scope {kind.scope}" + (f"; to write {kind.write_scope}" if kind.write_scope else ""),
    }
