"""Every route of the engine with every method, for everybody who can call: what the table does not name is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ris_core.access.ended_grants import EndedGrants
from ris_core.access.rules import SERVICE_ROUTES
from ris_core.access.signing import Keyring
from ris_core.access.tokens import issue_viewer_token, viewer_cookie_name
from ris_plugins.ldap_auth.service import RequestFilter
from ris_testing.engine_routes import CALLERS, ENGINE_ROUTES, METHODS, split_query

KEYRING = Keyring.from_text("k" * 43)
TOKENS = {service: f"{service:-<43}" for service in SERVICE_ROUTES}
GRANTED = {"study": "1.2.840.1", "series": "1.2.840.1.1", "instance": "1.2.840.1.1.1"}
OTHER = {"study": "1.2.840.2", "series": "1.2.840.2.1", "instance": "1.2.840.2.1.1"}


def nothing_ended() -> EndedGrants:
    ended = EndedGrants(frozenset)
    ended.refresh()
    return ended


def _headers(caller: str) -> dict[str, str]:
    if caller == "viewer":
        uids = [GRANTED["study"]]
        token = issue_viewer_token(
            KEYRING, uids, "bs_lan", datetime.now(UTC) + timedelta(hours=1), grant="session:test"
        )
        return {"cookie": f"{viewer_cookie_name(uids)}={token}"}
    return {"authorization": f"Bearer {TOKENS[caller]}"} if caller in TOKENS else {}


@pytest.mark.parametrize("caller", CALLERS)
def test_the_filter_lets_pass_what_the_table_names_and_nothing_else(caller: str) -> None:
    request_filter, headers = RequestFilter(KEYRING, TOKENS, nothing_ended()), _headers(caller)
    wrong = []
    for route in ENGINE_ROUTES:
        path, query = split_query(route.target(**GRANTED))
        for method in METHODS:
            if request_filter.allows(method, path, headers, query) != route.allows(method, caller):
                wrong.append((method, route.path))
    assert wrong == []


def test_a_viewer_of_one_study_passes_nowhere_with_another() -> None:
    request_filter, headers = RequestFilter(KEYRING, TOKENS, nothing_ended()), _headers("viewer")
    for route in ENGINE_ROUTES:
        for method in METHODS:
            path, query = split_query(route.target(**OTHER))
            assert not request_filter.allows(method, path, headers, query), (method, route.path)


@pytest.mark.parametrize("service", sorted(SERVICE_ROUTES))
def test_every_route_that_a_service_was_given_stands_in_the_table(service: str) -> None:
    given = {(route.method, route.path) for route in SERVICE_ROUTES[service]}
    named = {(method, route.path) for route in ENGINE_ROUTES for method in METHODS if route.allows(method, service)}
    assert given == named


def test_the_table_is_in_order_and_names_each_route_once() -> None:
    paths = [route.path for route in ENGINE_ROUTES]
    assert paths == sorted(set(paths))
