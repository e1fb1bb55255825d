"""What another site makes a browser send changes nothing: every address that changes something wants our token (Q6)."""

from __future__ import annotations

from typing import Final

import pytest
from django.test import Client

from ris_core.access.models import UserSession
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.orders.models import RequestedProcedure
from ris_webapp.login_backend import LOGIN_BACKEND
from ris_webapp.sessions import begin
from ris_webapp.tests.address_table import ADDRESSES, METHODS, Address
from ris_webapp.tests.people import a_role, a_user
from ris_webapp.tests.things import Things

pytestmark = [pytest.mark.django_db, pytest.mark.once]

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
WITHOUT_FORMS: Final = ("rest:", "fhir:", "scim:", "gateway:", "login:provider_ended")
"""Programs have no cookies of ours, an OpenID provider among them, whose token is all that counts; what a viewer saves
is looked at by its origin and grant (gateway/tests)."""

TRIES: Final = (
    {"Accept": "application/json"},
    {"Accept": "application/json", "Origin": "https://evil.example"},
    {"Accept": "application/json", "X-CSRFToken": "x" * 64},
)


@pytest.fixture
def browser() -> Client:
    """Somebody who may do everything, in a browser that sends its cookies along wherever it is sent."""
    client, user = Client(enforce_csrf_checks=True), a_user(a_role(*Function))
    client.force_login(user, backend=LOGIN_BACKEND)
    session = client.session
    begin(session, user)
    session.save()
    return client


def _unsafe() -> list[tuple[Address, str]]:
    return [(address, method) for address in ADDRESSES.values() for method in METHODS if method not in SAFE]


def test_nothing_is_changed_without_the_token_of_the_form(browser: Client) -> None:
    things = Things()
    recorded = AuditEvent.objects.count()
    for address, method in _unsafe():
        if address.name.startswith(WITHOUT_FORMS):
            continue
        for headers in TRIES if method == "POST" else TRIES[:1]:
            answer = browser.generic(
                method, things.path(address.name), b"a=1", "application/x-www-form-urlencoded", headers=headers
            )
            assert answer.status_code == 403, (address.name, method)
            assert "QUANG-1008" in answer.content.decode(), address.name
    assert AuditEvent.objects.count() == recorded
    assert UserSession.objects.filter(ended_at__isnull=True).exists()


def test_programs_addresses_do_not_know_a_browsers_cookies(browser: Client) -> None:
    things = Things()
    before = RequestedProcedure.objects.values_list("exam_state", flat=True).get()
    for address, method in _unsafe():
        if address.name.startswith(WITHOUT_FORMS):
            answer = browser.generic(
                method, things.path(address.name), b"{}", "application/json", headers={"Origin": "https://evil.example"}
            )
            assert answer.status_code in (401, 403, 404, 405, 429), (address.name, method, answer.status_code)
    assert RequestedProcedure.objects.values_list("exam_state", flat=True).get() == before


@pytest.mark.parametrize("trick", ["header", "field", "query"])
def test_a_method_is_what_was_sent_and_no_header_or_field_makes_it_another(browser: Client, trick: str) -> None:
    """``X-HTTP-Method-Override`` and ``_method``, which some frameworks obey."""
    things = Things()
    recorded = AuditEvent.objects.count()
    headers = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}
    for address in ADDRESSES.values():
        if "GET" in address.methods or address.functions is None:
            continue
        path = things.path(address.name) + ("?_method=POST&a=1" if trick == "query" else "")
        answer = browser.get(path, {"_method": "POST"} if trick == "field" else None, headers=headers)
        assert answer.status_code == 405, address.name
    assert AuditEvent.objects.count() == recorded
