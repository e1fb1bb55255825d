"""Every address, every method, every role and nobody: what the table does not name is refused (P3, Q6)."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from ris_core.accounts.models import Role
from ris_core.accounts.rules import FUNCTIONS_BY_ROLE, Function
from ris_core.errors import NotPermitted
from ris_webapp.middleware import DenyByDefaultMiddleware
from ris_webapp.tests.address_table import ADDRESSES, METHODS, PATTERNS, path_of
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

INSIDE = frozenset({200, 204, 302, 303, 400, 404, 409, 410, 422, 429, 502, 503})
"""What an address answers to somebody who may be there: there is nothing with this id, or the form was empty."""
<<<<<<< HEAD
AS_SCRIPT = {"Accept": "application/json"}
=======

WHO_MAY: dict[str, frozenset[str]] = {
    "login:login": ANYBODY,
    "login:logout": ANYBODY,
    "login:language": ANYBODY,
    "login:preferences": LOGGED_IN,
    "login:images": ANYBODY,
    "health:healthz": ANYBODY,
    "worklist:worklist": LOGGED_IN,
    "worklist:rows": LOGGED_IN,
    "worklist:side": LOGGED_IN,
    "worklist:bulk": LOGGED_IN,
    "worklist:columns": LOGGED_IN,
    "worklist:save_list": LOGGED_IN,
    "worklist:delete_list": LOGGED_IN,
    "worklist:delete_folder": LOGGED_IN,
    "worklist:preview": LOGGED_IN,
    "patients:search": VIEWING_PATIENTS,
    "patients:patient": VIEWING_PATIENTS,
    "comparing:history": VIEWING_PATIENTS,
    "comparing:compare": VIEWING,
    "patients:edit": MANAGING_PATIENTS,
    "patients:add_identifier": MANAGING_PATIENTS,
    "patients:retire_identifier": MANAGING_PATIENTS,
    "patients:move_visit": MANAGING_PATIENTS,
    "patients:compare": ADMINISTRATOR,
    "patients:merge": ADMINISTRATOR,
    "patients:unmerge": ADMINISTRATOR,
    "patients:held": ADMINISTRATOR,
    "patients:apply_held": ADMINISTRATOR,
    "patients:refuse_held": ADMINISTRATOR,
    "notices:acknowledge": READING | RESOLVING | MANAGING_PATIENTS,
    **dict.fromkeys(
        (
            "orders:orders",
            "orders:new",
            "orders:patients",
            "orders:services",
            "orders:order",
            "orders:of_procedure",
            "orders:change",
            "orders:end",
            "orders:change_accession",
            "orders:change_placer",
            "orders:restore",
            "orders:link",
            "orders:unlink",
        ),
        ORDERING,
    ),
    "orders:document": VIEWING,
    "orders:rules": ADMINISTRATOR,
    "orders:new_rule": ADMINISTRATOR,
    "orders:rule": ADMINISTRATOR,
    "catalogue:catalogue": ADMINISTRATOR,
    "catalogue:export": ADMINISTRATOR,
    "catalogue:import_file": ADMINISTRATOR,
    "catalogue:new": ADMINISTRATOR,
    "catalogue:entry": ADMINISTRATOR,
    "unmatched:queue": RESOLVING,
    "unmatched:study": RESOLVING,
    "unmatched:orders": RESOLVING,
    "unmatched:reject": RESOLVING,
    "unmatched:withdraw": RESOLVING,
    "unmatched:new_order": RESOLVING,
    "matching_policy:policy": ADMINISTRATOR,
    "matching_policy:export": ADMINISTRATOR,
    "slip:page": LOGGED_IN,
    "slip:several": LOGGED_IN,
    "slip:pdf": LOGGED_IN,
    "slip:style": ANYBODY,
    "labels:page": LOGGED_IN,
    "labels:pdf": LOGGED_IN,
    "print_layouts:layouts": DESIGNING,
    "print_layouts:create": DESIGNING,
    "print_layouts:ready": DESIGNING,
    "print_layouts:preview": DESIGNING,
    "print_layouts:preview_pdf": DESIGNING,
    "print_layouts:export": DESIGNING,
    "print_layouts:import": DESIGNING,
    "print_layouts:add_picture": DESIGNING,
    "print_layouts:picture": DESIGNING,
    "print_layouts:change": DESIGNING,
    "print_layouts:active": DESIGNING,
    "print_layouts:restore": DESIGNING,
    "print_layouts:version_pdf": DESIGNING,
    "unmatched:link": RESOLVING,
    "unmatched:undo": RESOLVING,
    "hanging:protocols": ADMINISTRATOR,
    "hanging:export": ADMINISTRATOR,
    "tag_rules:rules": ADMINISTRATOR,
    "tag_rules:save": ADMINISTRATOR,
    "studies:study": DEVICES,
    "studies:operate": DEVICES,
    "studies:undo": DEVICES,
    "studies:problem": DEVICES,
    "studies:decide_copy": DEVICES,
    "studies:copy_file": DEVICES,
    "studies:copy_picture": DEVICES,
    "studies:thumbnail": VIEWING | ADMINISTRATOR,
    "studies:series_thumbnail": VIEWING | ADMINISTRATOR,
    "devices:devices": DEVICES,
    "devices:device": DEVICES,
    "devices:echo": DEVICES,
    "devices:register": ADMINISTRATOR,
    "devices:change": ADMINISTRATOR,
    "devices:export": ADMINISTRATOR,
    "devices:import": ADMINISTRATOR,
    "devices:forget": ADMINISTRATOR,
    "devices:explain": DEVICES,
    "messages:messages": ADMINISTRATOR,
    "messages:message": ADMINISTRATOR,
    "messages:replay": ADMINISTRATOR,
    "messages:dismiss": ADMINISTRATOR,
    "messages:correct": ADMINISTRATOR,
    "messages:confirm": ADMINISTRATOR,
    "messages:take_back": ADMINISTRATOR,
    "dashboard:dashboard": ADMINISTRATOR,
    "jobs:jobs": ADMINISTRATOR,
    "jobs:replay": ADMINISTRATOR,
    "jobs:dismiss": ADMINISTRATOR,
    "reading:page": VIEWING,
    "reading:status": VIEWING,
    "reading:images": VIEWING,
    "reading:prior": VIEWING,
    "reading:versions": VIEWING,
    "reading:compare_states": VIEWING,
    "reading:draft_state": READING,
    "reading:differences": READING,
    "reading:local_keep": READING,
    "reading:version_pdf": VIEWING,
    "reading:preview": READING,
    "reading:next": READING,
    "reading:claim": READING,
    "reading:take_over": frozenset({"SENIOR"}),
    "reading:hand_over": READING,
    "criticals:flag": APPROVING | {"RESIDENT"},
    "criticals:inbox": APPROVING | {"RESIDENT", "CLINICIAN"},
    "criticals:acknowledge": APPROVING | {"RESIDENT", "CLINICIAN"},
    "reading:conclude": APPROVING | {"RESIDENT"},
    "reading:judge": APPROVING,
    "acquisition:page": VIEWING,
    "acquisition:count": APPROVING | {"TECHNOLOGIST"},
    "acquisition:correct": APPROVING | {"TECHNOLOGIST"},
    "peer_reviews:inbox": APPROVING,
    "peer_reviews:review": APPROVING,
    "peer_reviews:results": frozenset({"SENIOR"}),
    "peer_reviews:export": frozenset({"SENIOR"}),
    "peer_reviews:rules": frozenset({"SENIOR"}),
    "peer_reviews:remove": frozenset({"SENIOR"}),
    "reading_rules:rules": ADMINISTRATOR,
    "reading_rules:remove": ADMINISTRATOR,
    "reading:release": READING,
    "reading:amend": APPROVING,
    "reading:draft": READING,
    "reading:template": READING,
    "reading:approve": APPROVING | {"RESIDENT"},
    "reading:measurements": VIEWING,
    "reading:key_image_picture": VIEWING,
    "reading:key_images": READING,
    "reading:key_image": READING,
    "reading:arrange_key_images": READING,
    "reading:remove_key_image": READING,
    "reading:restore_key_image": READING,
    **dict.fromkeys(
        ("signing:signing", "signing:sign", "signing:batch", "signing:keys", "signing:unlock", "signing:lock"),
        APPROVING,
    ),
    "signing:remove": APPROVING,
    "signing:sign_exam": APPROVING,
    "signing:withdraw": APPROVING | ADMINISTRATOR,
    "signing:file": VIEWING,
    "signing:verify": ANYBODY,
    "signing_policy:policy": ADMINISTRATOR,
    "signing_policy:add_authority": ADMINISTRATOR,
    "signing_policy:remove_authority": ADMINISTRATOR,
    "reading:compare": VIEWING,
    "reading:learn_word": DESIGNING,
    "reading:prior_differences": READING,
    "report_templates:templates": DESIGNING,
    "report_templates:create": DESIGNING,
    "report_templates:export": DESIGNING,
    "report_templates:import": DESIGNING,
    "report_templates:preview": DESIGNING,
    "report_templates:ready": DESIGNING,
    "report_templates:change": DESIGNING,
    "report_templates:active": DESIGNING,
    "report_templates:restore": DESIGNING,
    "report_templates:phrases": READING | DESIGNING,
    "report_templates:phrase_active": READING | DESIGNING,
    "report_templates:ready_phrases": DESIGNING,
    "report_templates:remove_word": DESIGNING,
    "reading:keep": VIEWING,
    "deliveries:deliveries": ADMINISTRATOR,
    "deliveries:replay": ADMINISTRATOR,
    "deliveries:dismiss": ADMINISTRATOR,
    "result_receivers:receivers": ADMINISTRATOR,
    "result_receivers:register": ADMINISTRATOR,
    "result_receivers:change": ADMINISTRATOR,
    "result_receivers:test": ADMINISTRATOR,
    "result_receivers:secret": ADMINISTRATOR,
    "result_receivers:payment_rules": ADMINISTRATOR,
    "returns:page": LOGGED_IN,
    "returns:recall": APPROVING,
    "returns:release": MANAGING_PATIENTS,
    "statistics:overview": COUNTING,
    "statistics:turnaround": COUNTING,
    "statistics:images": COUNTING,
    "statistics:register": COUNTING,
    "statistics:export": COUNTING,
    "notifications:notifications": ADMINISTRATOR,
    "notifications:replay": ADMINISTRATOR,
    "notifications:dismiss": ADMINISTRATOR,
    "profiles:overview": ADMINISTRATOR,
    "profiles:create": ADMINISTRATOR,
    "profiles:import": ADMINISTRATOR,
    "profiles:register": ADMINISTRATOR,
    "profiles:sender": ADMINISTRATOR,
    "profiles:profile": ADMINISTRATOR,
    "profiles:try": ADMINISTRATOR,
    "profiles:version": ADMINISTRATOR,
    "profiles:restore": ADMINISTRATOR,
    "profiles:export": ADMINISTRATOR,
    "receivers:receivers": ADMINISTRATOR,
    "receivers:register": ADMINISTRATOR,
    "receivers:change": ADMINISTRATOR,
    "receivers:try": ADMINISTRATOR,
    "webhooks:register": ADMINISTRATOR,
    "webhooks:change": ADMINISTRATOR,
    "webhooks:secret": ADMINISTRATOR,
    "reading_targets:targets": ADMINISTRATOR,
    "reading_targets:remove": ADMINISTRATOR,
    "accounts:password": LOGGED_IN,
    "accounts:users": ADMINISTRATOR,
    "accounts:create": ADMINISTRATOR,
    "accounts:edit": ADMINISTRATOR,
    "accounts:reset": ADMINISTRATOR,
    "accounts:withdraw": ADMINISTRATOR,
    "accounts:restore": ADMINISTRATOR,
    "accounts:log_out": ADMINISTRATOR,
    "accounts:unlock": ADMINISTRATOR,
    "api_keys:keys": ADMINISTRATOR,
    "api_keys:create": ADMINISTRATOR,
    "api_keys:revoke": ADMINISTRATOR,
    # the REST interface knows programs by their keys, not people by their roles (api/tests/test_door.py)
    "rest:reference": ANYBODY,
    "rest:openapi": ANYBODY,
    "rest:unknown": ANYBODY,
    "rest:orders": ANYBODY,
    "rest:orders_bulk": ANYBODY,
    "rest:orders_int_order_id": ANYBODY,
    "rest:orders_int_order_id_cancel": ANYBODY,
    "rest:orders_int_order_id_status": ANYBODY,
    "rest:orders_int_order_id_studies": ANYBODY,
    "rest:orders_int_order_id_report": ANYBODY,
    "rest:orders_int_order_id_report_document": ANYBODY,
    "rest:orders_int_order_id_payment": ANYBODY,
    "rest:orders_int_order_id_worklist": ANYBODY,
    "rest:patients": ANYBODY,
    "rest:patients_int_patient_id": ANYBODY,
    "rest:devices": ANYBODY,
    "fhir:metadata": ANYBODY,
    "fhir:bundle": ANYBODY,
    "fhir:bundle_slash": ANYBODY,
    "fhir:binary": ANYBODY,
    "fhir:resources": ANYBODY,
    "fhir:search": ANYBODY,
    "fhir:resource": ANYBODY,
    "fhir:unknown": ANYBODY,
    # the gateway knows viewers by the grants in their cookies
    "gateway:frame": ANYBODY,
    "gateway:rendered": ANYBODY,
    "gateway:bulk": ANYBODY,
    "gateway:store": ANYBODY,
    "gateway:store_into_study": ANYBODY,
    "viewer_launch:hanging": ANYBODY,
    "viewer_launch:image": ANYBODY,
    "viewer_launch:launch": ANYBODY,
    "viewer_launch:invoke_image_display": ANYBODY,
    "viewer_launch:phone": ANYBODY,
    "viewer_launch:report": ANYBODY,
    "viewer_launch:open": ANYBODY,
}
>>>>>>> b82b5f6 (Macros fill several sections at once; ready phrases in Vietnamese, taken by one press (R8))


def test_every_address_stands_in_the_table_and_says_what_the_table_says() -> None:
    assert set(PATTERNS) == set(ADDRESSES)
    for name, pattern in PATTERNS.items():
        assert pattern.callback.quang_functions == ADDRESSES[name].functions, name


@pytest.mark.parametrize("role", Role.values)
def test_a_role_gets_into_its_own_pages_and_into_no_other(role: str) -> None:
    client, had = client_as(role), FUNCTIONS_BY_ROLE[role]
    client.raise_request_exception = False
    for address in ADDRESSES.values():
        if address.name == "login:logout":
            continue
        for method in ("GET", "POST"):
            status = client.generic(method, path_of(address.name), headers=AS_SCRIPT).status_code
            if not address.allows(had):
                assert status == 403, (address.name, method)
            elif method not in address.methods:
                assert status == 405, (address.name, method)
            elif address.functions is not None:
                assert status in INSIDE, (address.name, method, status)


def test_whoever_may_everything_sends_no_method_that_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS_BY_ROLE, Role.SENIOR, frozenset(Function))
    client = client_as(Role.SENIOR)
    for address in ADDRESSES.values():
        for method in set(METHODS) - address.methods - {"GET", "POST"}:
            status = client.generic(method, path_of(address.name), headers=AS_SCRIPT).status_code
            assert status == 405, (address.name, method)


def test_whoever_may_nothing_gets_in_nowhere_by_any_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FUNCTIONS_BY_ROLE, Role.CLINICIAN, frozenset())
    client = client_as(Role.CLINICIAN)
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
