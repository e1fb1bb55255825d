"""What this server does (RFC 7643 §5-7): ServiceProviderConfig, ResourceTypes, Schemas."""

from __future__ import annotations

from typing import Any, Final

from ris_webapp.scim.answers import address_of
from ris_webapp.scim.listing import LIST, MOST
from ris_webapp.scim.resources import ENTERPRISE, GROUP, USER

_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"


def service_provider_config() -> dict[str, Any]:
    """What is supported, and how one proves who one is."""
    scheme = {
        "type": "oauthbearertoken", "name": "API key", "primary": True,
        "description": "An API key with the scope accounts:manage: Authorization: Bearer qk_…",
    }  # fmt: skip
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "authenticationSchemes": [scheme],
        "meta": {"resourceType": "ServiceProviderConfig", "location": address_of("ServiceProviderConfig")},
    }


def resource_types() -> list[dict[str, Any]]:
    extension = [{"schema": ENTERPRISE, "required": False}]
    return [
        _type("User", "Users", USER, "An account", extension),
        _type("Group", "Groups", GROUP, "A group, which may give a role", []),
    ]


def schemas() -> list[dict[str, Any]]:
    """The attributes that are kept; others are taken and forgotten."""
    name = _attribute("name", "complex", inner=[_attribute(each) for each in ("formatted", "familyName", "givenName")])
    value = [_attribute("value"), _attribute("type"), _attribute("primary", "boolean")]
    reference = [_attribute("value"), _attribute("display", readonly=True), _attribute("$ref", "reference")]
    return [
        _schema(USER, "User", [
            _attribute("userName", required=True, unique=True), _attribute("externalId"), name,
            _attribute("displayName"), _attribute("title"), _attribute("active", "boolean"),
            _attribute("emails", "complex", many=True, inner=value),
            _attribute("groups", "complex", many=True, readonly=True, inner=reference),
            _attribute("roles", "complex", many=True, readonly=True, inner=[_attribute("value")]),
        ]),
        _schema(ENTERPRISE, "EnterpriseUser", [_attribute("employeeNumber"), _attribute("department")]),
        _schema(GROUP, "Group", [
            _attribute("displayName", required=True, unique=True), _attribute("externalId"),
            _attribute("members", "complex", many=True, inner=reference),
        ]),
    ]  # fmt: skip


def as_list(resources: list[dict[str, Any]]) -> dict[str, Any]:
    """All of them on one page."""
    count = len(resources)
    return {"schemas": [LIST], "totalResults": count, "startIndex": 1, "itemsPerPage": count, "Resources": resources}


def _type(name: str, endpoint: str, schema: str, description: str, extensions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"], "id": name, "name": name, "endpoint": f"/{endpoint}",
        "description": description, "schema": schema, "schemaExtensions": extensions,
        "meta": {"resourceType": "ResourceType", "location": address_of("ResourceTypes", name)},
    }  # fmt: skip


def _schema(uri: str, name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:Schema"], "id": uri, "name": name, "description": name, "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": address_of("Schemas", uri)},
    }  # fmt: skip


def _attribute(
    name: str,
    kind: str = "string",
    *,
    many: bool = False,
    required: bool = False,
    readonly: bool = False,
    unique: bool = False,
    inner: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name, "type": kind, "multiValued": many, "required": required, "caseExact": False,
        "mutability": "readOnly" if readonly else "readWrite", "returned": "default",
        "uniqueness": "server" if unique else "none", "description": name,
    }  # fmt: skip
    return {**described, "subAttributes": inner} if inner else described
