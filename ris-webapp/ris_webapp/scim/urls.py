"""Addresses of SCIM, all behind the door of the other interfaces and the scope ``accounts:manage``."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from ris_core.access.scopes import Scope
from ris_core.errors import NotFound, QuangError
from ris_core.messages.models import Protocol
from ris_core.provisioning import services
from ris_core.provisioning.models import ProvisionedAccount, ProvisionedGroup
from ris_webapp.api.caller import ApiRequest
from ris_webapp.api.door import View, admit
from ris_webapp.permission import public
from ris_webapp.scim import discovery
from ris_webapp.scim.answers import scim_answer, scim_error
from ris_webapp.scim.listing import key_of, listed, without
from ris_webapp.scim.passwords import without_passwords
from ris_webapp.scim.patching import patched
from ris_webapp.scim.resources import ENTERPRISE, group_resource, read_group, read_user, user_resource

app_name = "scim"


@require_http_methods(["GET", "HEAD", "POST"])
def users(request: ApiRequest) -> HttpResponse:
    """Find, or make."""
    source = _source(request)
    if request.method == "POST":
        made = services.make_account(source, read_user(request.json), request.caller.actor)
        return scim_answer(user_resource(made), 201)
    filters = {
        "username": lambda value: Q(user_name__iexact=value),
        "externalid": lambda value: Q(external_id=value),
        "id": lambda value: Q(user_id=key_of(value)),
    }
    found = services.accounts_of(source).select_related("user").prefetch_related("groups")
    return scim_answer(listed(request, found, filters, lambda row: without(request, user_resource(row))))


@require_http_methods(["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def user(request: ApiRequest, key: str) -> HttpResponse:
    """Read, replace, change, close."""
    source, user_id = _source(request), key_of(key)
    if request.method == "DELETE":
        services.delete_account(source, user_id, request.caller.actor)
        return HttpResponse(status=204)
    account = services.accounts_of(source).select_related("user").filter(user_id=user_id).first()
    if account is None:
        raise NotFound("there is no such account", field="id")
    if request.method in ("PUT", "PATCH"):
        body = _patched_user(account, request.json) if request.method == "PATCH" else request.json
        seen = _seen(request, account.version)
        account = services.change_account(source, user_id, read_user(body), request.caller.actor, seen)
    return scim_answer(without(request, user_resource(account)))


@require_http_methods(["GET", "HEAD", "POST"])
def groups(request: ApiRequest) -> HttpResponse:
    """Find, or make."""
    source = _source(request)
    if request.method == "POST":
        made = services.save_group(source, None, *read_group(request.json), request.caller.actor)
        return scim_answer(group_resource(made), 201)
    filters = {
        "displayname": lambda value: Q(display_name__iexact=value),
        "externalid": lambda value: Q(external_id=value),
        "id": lambda value: Q(pk=key_of(value)),
    }
    return scim_answer(listed(request, _groups(source), filters, lambda row: without(request, group_resource(row))))


@require_http_methods(["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def group(request: ApiRequest, key: str) -> HttpResponse:
    """Read, replace, change, end."""
    source, group_id = _source(request), key_of(key)
    if request.method == "DELETE":
        services.delete_group(source, group_id, request.caller.actor)
        return HttpResponse(status=204)
    found = _groups(source).filter(pk=group_id).first()
    if found is None:
        raise NotFound("there is no such group", field="id")
    if request.method in ("PUT", "PATCH"):
        body = patched(group_resource(found), request.json) if request.method == "PATCH" else request.json
        seen = _seen(request, found.version)
        found = services.save_group(source, group_id, *read_group(body), request.caller.actor, seen)
    return scim_answer(without(request, group_resource(found)))


@require_GET
def described(request: ApiRequest, name: str, key: str = "") -> HttpResponse:
    """What this server does; one type or schema by its name."""
    _source(request)
    if name == "ServiceProviderConfig" and not key:
        return scim_answer(discovery.service_provider_config())
    among = {"ResourceTypes": discovery.resource_types, "Schemas": discovery.schemas}.get(name)
    if among is None:
        raise NotFound("there is no such address; /scim/v2/ServiceProviderConfig tells what there is")
    if not key:
        return scim_answer(discovery.as_list(among()))
    one = next((each for each in among() if each["id"] == key), None)
    if one is None:
        raise NotFound("there is nothing of this name", field="id")
    return scim_answer(one)


@csrf_exempt  # a program is told that there is no such address, not that its form is too old
@public
def unknown(request: HttpRequest) -> HttpResponse:
    """An address that the interface does not have."""
    return scim_error(NotFound("there is no such address; /scim/v2/ServiceProviderConfig tells what there is"))


def _source(request: ApiRequest) -> str:
    """Whose accounts the key keeps.

    :raises ScopeMissing: it keeps none
    """
    request.caller.require(Scope.ACCOUNTS_MANAGE)
    return f"scim:{request.caller.source}"


def _groups(source: str) -> QuerySet[ProvisionedGroup]:
    return ProvisionedGroup.objects.filter(source=source)


def _patched_user(account: ProvisionedAccount, body: object) -> dict[str, Any]:
    """With the name in the one place that was changed: a person has one here."""
    resource = user_resource(account)
    del resource["displayName"]
    result = patched(resource, body, (ENTERPRISE,))
    name = result.get("name")
    if isinstance(name, dict) and name.get("formatted") == account.user.full_name:
        told = "displayName" in result or {"familyName", "givenName"} <= set(name)
        name.pop("formatted" if told else "", None)
    return result


def _seen(request: ApiRequest, read: int) -> int | None:
    """The version that must still be there: what the caller has seen (If-Match), or else what was ``read`` to be
    patched, so that somebody's change in between is refused and not undone. None for PUT, which says everything."""
    found = re.fullmatch(r'(?:W/)?"(\d{1,9})"', request.headers.get("If-Match", ""))
    return int(found[1]) if found else read if request.method == "PATCH" else None


def _refused(error: QuangError) -> HttpResponse:
    return scim_error(error)


def _door(view: View) -> View:
    return admit(view, Protocol.SCIM, _refused, without_passwords)


urlpatterns = [
    path("scim/v2/Users", _door(users), name="users"),
    path("scim/v2/Users/<str:key>", _door(user), name="user"),
    path("scim/v2/Groups", _door(groups), name="groups"),
    path("scim/v2/Groups/<str:key>", _door(group), name="group"),
    path("scim/v2/<str:name>", _door(described), name="described"),
    path("scim/v2/<str:name>/<str:key>", _door(described), name="described_one"),
    re_path(r"^scim/.*$", unknown, name="unknown"),
]
