"""Every address, every method, every role and nobody: what the table does not name is refused (P3, Q6)."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ris_core.accounts.models import Role
from ris_core.accounts.rules import OWN_ONLY, READY_ROLES, Function
from ris_core.errors import NotPermitted
from ris_webapp.middleware import DenyByDefaultMiddleware
from ris_webapp.tests.address_table import ADDRESSES, METHODS, PATTERNS, path_of
from ris_webapp.tests.people import a_role, client_as

pytestmark = [pytest.mark.django_db, pytest.mark.once]

INSIDE = frozenset({200, 204, 302, 303, 400, 404, 409, 410, 422, 429, 502, 503})
"""What an address answers to somebody who may be there: there is nothing with this id, or the form was empty."""
AS_SCRIPT = {"Accept": "application/json"}


def test_every_address_stands_in_the_table_and_says_what_the_table_says() -> None:
    assert set(PATTERNS) == set(ADDRESSES)
    for name, pattern in PATTERNS.items():
        assert getattr(pattern.callback, "quang_functions", "not marked") == ADDRESSES[name].functions, name


@pytest.mark.parametrize("role", Role.values)
def test_a_role_gets_into_its_own_pages_and_into_no_other(role: str) -> None:
    client, had = client_as(role), READY_ROLES[role]
    inside = INSIDE | {403} if role in OWN_ONLY else INSIDE  # what they do not see: test_sight.py
    client.raise_request_exception = False
    for address in ADDRESSES.values():
        if address.functions is None:
            continue  # whoever comes decides nothing there; programs' doors count who knocks
        for method in ("GET", "POST"):
            status = client.generic(method, path_of(address.name), headers=AS_SCRIPT).status_code
            if not address.allows(had):
                assert status == 403, (address.name, method)
            elif method not in address.methods:
                assert status in (405, 403) if role in OWN_ONLY else status == 405, (address.name, method)
            else:
                assert status in inside, (address.name, method, status)


def test_whoever_may_everything_sends_no_method_that_is_not_named() -> None:
    client = client_as(a_role(*Function))
    for address in ADDRESSES.values():
        for method in set(METHODS) - address.methods - {"GET", "POST"}:
            status = client.generic(method, path_of(address.name), headers=AS_SCRIPT).status_code
            assert status == 405, (address.name, method)


def test_whoever_may_nothing_gets_in_nowhere_by_any_method() -> None:
    client = client_as(a_role())
    for address in ADDRESSES.values():
        for method in METHODS if address.functions else ():
            assert client.generic(method, path_of(address.name)).status_code == 403, (address.name, method)


def test_nobody_gets_in_without_logging_in_by_any_method() -> None:
    client = Client()
    for address in ADDRESSES.values():
        if address.functions is None:
            continue
        page = client.get(path_of(address.name))
        assert (page.status_code, page["Location"].partition("?")[0]) == (302, "/login/"), address.name
        for method in METHODS:
            status = client.generic(method, path_of(address.name), headers=AS_SCRIPT).status_code
            assert status == 401, (address.name, method)


def test_a_view_that_says_nothing_is_refused() -> None:
    def forgotten(request: HttpRequest) -> HttpResponse:
        return HttpResponse("open to all")

    with pytest.raises(NotPermitted):
        DenyByDefaultMiddleware(forgotten).process_view(RequestFactory().get("/"), forgotten, (), {})
