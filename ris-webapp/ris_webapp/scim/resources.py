"""User and Group (RFC 7643 §4), out and in."""

from __future__ import annotations

import re
from typing import Any, Final

from ris_core.access.errors import RequestUnreadable
from ris_core.errors import InvalidValue
from ris_core.provisioning.models import ProvisionedAccount, ProvisionedGroup
from ris_core.provisioning.services import Wanted
from ris_webapp.scim.answers import address_of
from ris_webapp.scim.listing import key_of

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"


def user_resource(account: ProvisionedAccount) -> dict[str, Any]:
    """The account as the identity system sees it; ``active`` is whether it wants it open."""
    user = account.user
    resource: dict[str, Any] = {
        "schemas": [USER, ENTERPRISE],
        "id": str(user.pk),
        "userName": account.user_name,
        "name": {"formatted": user.full_name},
        "displayName": user.full_name,
        "active": account.wanted,
        "groups": [
            {"value": str(group.pk), "display": group.display_name, "$ref": address_of("Groups", group.pk)}
            for group in account.groups.order_by("pk")
        ],
        "roles": [{"value": user.role}] if user.is_active else [],
        ENTERPRISE: {"department": user.department, "employeeNumber": user.staff_code},
        "meta": _meta("User", account),
    }
    if account.external_id:
        resource["externalId"] = account.external_id
    if user.title:
        resource["title"] = user.title
    if user.email:
        resource["emails"] = [{"value": user.email, "type": "work", "primary": True}]
    return resource


def read_user(body: object) -> Wanted:
    """What an identity system says of a person.

    :raises RequestUnreadable: no User
    :raises InvalidValue: naming the attribute that is wrong; a password is one: whoever vouches for people keeps theirs
    """
    user = _resource(body, USER)
    if user.get("password"):
        raise InvalidValue("passwords are not taken: people log in where they have theirs", field="password")
    name = user.get("name") if isinstance(user.get("name"), dict) else {}
    assert isinstance(name, dict)  # noqa: S101 - said above
    spelled = " ".join(str(name.get(part) or "") for part in ("familyName", "middleName", "givenName"))
    more = user.get(ENTERPRISE.lower()) or {}
    return Wanted(
        user_name=_text(user, "username", 128),
        external_id=_text(user, "externalid", 255),
        full_name=str(name.get("formatted") or user.get("displayname") or spelled)[:255].strip(),
        title=_text(user, "title", 64),
        email=_email(user.get("emails")),
        department=str(more.get("department") or "")[:128] if isinstance(more, dict) else "",
        staff_code=str(more.get("employeeNumber") or "")[:64] if isinstance(more, dict) else "",
        active=_truth(user.get("active", True)),
    )


def group_resource(group: ProvisionedGroup) -> dict[str, Any]:
    """The group with its members."""
    resource: dict[str, Any] = {
        "schemas": [GROUP],
        "id": str(group.pk),
        "displayName": group.display_name,
        "members": [
            {"value": str(user_id), "display": name, "$ref": address_of("Users", user_id), "type": "User"}
            for user_id, name in group.members.order_by("user_id").values_list("user_id", "user_name")
        ],
        "meta": _meta("Group", group),
    }
    if group.external_id:
        resource["externalId"] = group.external_id
    return resource


def read_group(body: object) -> tuple[str, str, list[int]]:
    """Name, the identity system's own key, and the keys of the members.

    :raises RequestUnreadable: no Group
    :raises InvalidValue: naming what is wrong
    """
    group = _resource(body, GROUP)
    members = group.get("members") or []
    if not isinstance(members, list):
        raise InvalidValue("members are a list", field="members")
    keys = [key_of(str(each.get("value", ""))) if isinstance(each, dict) else 0 for each in members]
    return _text(group, "displayname", 255), _text(group, "externalid", 255), keys


def _resource(body: object, schema: str) -> dict[str, Any]:
    """Its attributes by their names in small letters (§2.1)."""
    schemas = body.get("schemas", [schema]) if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(schemas, list) or schema not in schemas:
        raise RequestUnreadable(f"the body is no {schema}", field="schemas")
    return {name.lower(): value for name, value in body.items()}


def _text(resource: dict[str, Any], name: str, most: int) -> str:
    value = resource.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise InvalidValue(f"a text of at most {most} characters", field=name)
    return value.strip()


def _truth(value: object) -> bool:
    """Some systems send words instead of truth values."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch("true|false", value, re.IGNORECASE):
        return value.lower() == "true"
    raise InvalidValue("true or false", field="active")


def _email(emails: object) -> str:
    entries = [each for each in emails if isinstance(each, dict)] if isinstance(emails, list) else []
    chosen = next((each for each in entries if each.get("primary") is True), entries[0] if entries else {})
    return str(chosen.get("value") or "")[:254]


def _meta(kind: str, row: ProvisionedAccount | ProvisionedGroup) -> dict[str, str]:
    key = row.user_id if isinstance(row, ProvisionedAccount) else row.pk
    return {
        "resourceType": kind,
        "created": row.created_at.isoformat(),
        "lastModified": row.changed_at.isoformat(),
        "location": address_of(f"{kind}s", key),
        "version": f'W/"{row.version}"',
    }
