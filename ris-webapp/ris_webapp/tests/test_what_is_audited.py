"""Every address of the web app: which audit events it makes, or why none (P3, P16, G3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from ris_core.audit.models import AuditEvent
from ris_testing.exams import an_exam
from ris_webapp.audit_words import ACTIONS
from ris_webapp.searched import kept_words
from ris_webapp.tests.address_table import ADDRESSES
from ris_webapp.tests.people import client_as

SETUP = "shows how the site is set up; nothing of patients"
LIST = "a list of names; searching in it and opening one of it are recorded"
CHECKS = "repeated by an open page or asks for what an open page shows already"
OWN = "the user's own choice of how pages look"
PART = "part of a page whose opening is recorded"
KEY = "api.read api.refused; what is written is kept in the inbox of messages"
AWAY = "sends to another host, nothing is shown; what comes back is recorded"

NOTHING = frozenset({SETUP, LIST, CHECKS, OWN, PART, AWAY})

WHAT_IS_AUDITED: dict[str, str] = {
    "login:login": "user.logged_in user.login_failed user.locked_out",
    "login:logout": "user.logged_out",
    "login:code": "user.logged_in user.second_factor_failed user.recovery_code_used",
    "login:provider": AWAY,
    "login:provider_return": "user.logged_in user.login_failed user.directory_refused",
    "login:provider_ended": "user.session_ended user.logout_refused",
    "accounts:second_factor": "user.proof_failed user.second_factor_added user.second_factor_removed",
    "accounts:add_security_key": "user.security_key_added",
    "accounts:remove_security_key": "user.security_key_removed",
    "accounts:take_away_second_factor": "user.second_factor_removed",
    **dict.fromkeys(("login:preferences", "login:in_use", "login:images", "login:language", "worklist:columns"), OWN),
    "worklist:worklist": "worklist.searched",
    **dict.fromkeys(("worklist:rows", "worklist:side"), CHECKS),
    "worklist:bulk": "exam.tagged exam.untagged exam.put_in_folder exam.taken_out_of_folder "
    "exam.assigned exam.unassigned",
    "worklist:start": CHECKS,
    "worklist:choose_start": "list.start_set",
    "worklist:save_list": "list.saved",
    "worklist:delete_list": "list.deleted",
    "worklist:delete_folder": "folder.deleted",
    "worklist:preview": "exam.viewed",
    "patients:search": "patient.searched",
    "patients:held": LIST,
    "patients:apply_held": "message.replayed",
    "patients:refuse_held": "message.dismissed",
    "patients:patient": "patient.viewed",
    "patients:edit": "patient.updated patient.viewed",
    "patients:compare": "patient.searched patient.viewed",
    "patients:merge": "patient.merged",
    "patients:unmerge": "patient.unmerged",
    "patients:add_identifier": "patient.identifier_added",
    "patients:retire_identifier": "patient.identifier_retired",
    "patients:move_visit": "visit.moved visit.given_away",
    "comparing:compare": "exam.compared",
    "comparing:history": "patient.history_viewed",
    "notices:acknowledge": "notice.acknowledged",
    "referrers:results": "worklist.searched",
    "referrers:report": "report.viewed",
    "referrers:images": "images.opened",
    "referrers:practitioner": "practitioner.linked",
    "referrers:end": "practitioner.unlinked",
    "orders:orders": LIST,
    "orders:new": "order.placed",
    "orders:patients": "patient.searched",
    "orders:services": SETUP,
    "orders:rules": SETUP,
    **dict.fromkeys(("orders:new_rule", "orders:rule"), "refusal_rule.saved"),
    "orders:order": "order.viewed",
    **dict.fromkeys(("orders:change_accession", "orders:change_placer"), "order.renumbered"),
    "orders:of_procedure": CHECKS,
    "orders:change": "order.changed",
    "orders:end": "order.cancelled order.discontinued",
    "orders:link": "order.linked",
    "orders:unlink": "order.unlinked",
    "orders:restore": "order.changed",
    "orders:document": "external_result.viewed",
    "catalogue:catalogue": SETUP,
    "catalogue:export": "catalogue.exported",
    "catalogue:import_file": "catalogue.imported",
    "catalogue:new": "catalogue.added",
    "catalogue:entry": "catalogue.changed",
    "unmatched:queue": LIST,
    "unmatched:study": "study.viewed",
    "unmatched:orders": "order.searched",
    "unmatched:link": "study.linked",
    "unmatched:reject": "study.candidate_rejected",
    "unmatched:new_order": "order.placed study.linked",
    "unmatched:withdraw": "study.candidate_considered_again",
    "unmatched:undo": "study.link_undone",
    **dict.fromkeys(("slip:several", "slip:page", "slip:pdf"), "slip.shown"),
    "slip:style": SETUP,
    "labels:page": PART,
    "labels:pdf": "label.printed",
    "matching_policy:policy": "matching.policy_changed",
    "matching_policy:export": "matching.policy_exported",
    "studies:study": "study.viewed",
    "studies:operate": "study.operation_begun",
    "studies:undo": "study.operation_undone",
    "studies:problem": "study.correction_retried study.files_left study.files_taken_up",
    "studies:decide_copy": "study.copy_decided study.copy_undone",
    "studies:copy_file": "study.copy_downloaded",
    **dict.fromkeys(("studies:copy_picture", "studies:thumbnail", "studies:series_thumbnail"), PART),
    "tag_rules:rules": SETUP,
    "tag_rules:save": "tag_rules.changed tag_rules.tried",
    "hanging:protocols": "hanging.changed",
    "hanging:export": "hanging.exported",
    "devices:devices": SETUP,
    "devices:register": "device.registered",
    "devices:export": "device.exported",
    "devices:import": "device.imported",
    "devices:forget": "device.refusal_forgotten",
    "devices:explain": "order.searched worklist.explained",
    "devices:device": SETUP,
    "devices:change": "device.changed",
    "devices:echo": "device.echoed",
    "messages:messages": "message.searched message.viewed",
    "messages:message": CHECKS,
    **dict.fromkeys(("messages:replay", "messages:correct", "messages:confirm"), "message.replayed"),
    "messages:dismiss": "message.dismissed",
    "messages:take_back": "message.dismissal_taken_back",
    **dict.fromkeys(("profiles:overview", "profiles:version"), SETUP),
    **dict.fromkeys(
        ("profiles:create", "profiles:import", "profiles:profile", "profiles:restore"), "profile.version_saved"
    ),
    "profiles:register": "sender.registered",
    "profiles:sender": "sender.changed",
    "profiles:try": "message.viewed",
    "profiles:export": "profile.exported",
    "jobs:jobs": SETUP,
    "jobs:replay": "job.replayed",
    "jobs:dismiss": "job.dismissed",
    "access_log:log": "audit.searched",
    "access_log:export": "audit.exported",
    "access_log:alerts": SETUP,
    "access_log:settle": "audit.alert_settled",
    "access_log:rule": "audit.rule_saved",
    "access_log:viewers": "audit.viewers_viewed",
    "data_requests:requests": LIST,
    "data_requests:export": "data_request.exported",
    "data_requests:new": "data_request.registered",
    "data_requests:request": "data_request.viewed",
    "data_requests:decide": "data_request.decided",
    "data_requests:answer": "data_request.answered",
    "data_requests:copy": "patient.data_exported",
    "dashboard:dashboard": SETUP,
    "health:healthz": SETUP,
    "reading:learn_word": "spelling.word_added",
    "reading:prior_differences": "prior.compared",
    "reading:local_keep": OWN,
    "reading:next": "reading.claimed",
    "reading:page": "exam.opened",
    "reading:status": CHECKS,
    "reading:images": "images.opened",
    "reading:prior": "prior.opened",
    **dict.fromkeys(("reading:versions", "reading:compare_states", "reading:draft_state"), "report.history_viewed"),
    **dict.fromkeys(("reading:differences", "reading:measurements", "reading:key_image_picture"), PART),
    "reading:version_pdf": "report.viewed",
    "reading:preview": "report.previewed",
    "reading:key_images": "key_image.chosen",
    "reading:arrange_key_images": "key_image.arranged",
    "reading:key_image": "key_image.described",
    "reading:remove_key_image": "key_image.removed",
    "reading:restore_key_image": "key_image.restored",
    "reading:claim": "reading.claimed",
    "reading:take_over": "reading.taken_over",
    "reading:conclude": "reading.concluded",
    "reading:judge": "opinion.judged",
    "reading:hand_over": "reading.handed_over",
    "reading:release": "reading.released",
    "reading:amend": "report.opened_for_correction",
    **dict.fromkeys(("reading:draft", "reading:template", "reading:keep"), "report.drafted"),
    "reading:approve": "report.approved",
    "reading:compare": "images.opened",
    **dict.fromkeys(("report_templates:templates", "report_templates:preview"), SETUP),
    **dict.fromkeys(
        ("report_templates:create", "report_templates:import", "report_templates:change", "report_templates:restore"),
        "report_template.saved",
    ),
    "report_templates:ready": "report_template.saved",
    "report_templates:ready_phrases": "phrase.saved",
    "report_templates:export": "report_template.exported",
    "report_templates:active": "report_template.activated report_template.deactivated",
    "report_templates:phrases": "phrase.saved",
    "report_templates:phrase_active": "phrase.activated phrase.deactivated",
    "report_templates:remove_word": "spelling.word_removed",
    **dict.fromkeys(("print_layouts:layouts", "print_layouts:picture"), SETUP),
    **dict.fromkeys(
        (
            "print_layouts:create",
            "print_layouts:ready",
            "print_layouts:import",
            "print_layouts:change",
            "print_layouts:restore",
        ),
        "print_layout.saved",
    ),
    **dict.fromkeys(
        ("print_layouts:preview", "print_layouts:preview_pdf", "print_layouts:version_pdf"), "report.previewed"
    ),
    "print_layouts:export": "print_layout.exported",
    "print_layouts:add_picture": "print_layout.picture_added",
    "print_layouts:active": "print_layout.activated print_layout.deactivated",
    **dict.fromkeys(("viewer_launch:launch", "viewer_launch:invoke_image_display"), "launch.opened launch.refused"),
    "viewer_launch:hanging": PART,
    **dict.fromkeys(("imports:imports", "imports:one", "imports:state"), LIST),
    **dict.fromkeys(("imports:add", "imports:piece"), PART),
    "imports:create": "import.begun",
    "imports:finish": "import.handed_in",
    "imports:decide": "import.decided",
    "imports:store": "import.confirmed",
    "imports:end": "import.ended",
    "imports:reject": "import.rejected",
    "teaching:cases": "teaching.searched",
    "teaching:create": "teaching.made",
    "teaching:case": "teaching.viewed",
    **dict.fromkeys(("teaching:pictures", "teaching:picture"), PART),
    "teaching:edit": "teaching.changed",
    "teaching:remove": "teaching.image_removed",
    "teaching:open": "teaching.opened",
    "teaching:withdraw": "teaching.withdrawn",
    "teaching:delete": "teaching.deleted",
    "teaching:exam": "teaching.exam_opened",
    "teaching:export": "export.asked",
    **dict.fromkeys(("exports:exports", "exports:rows"), LIST),
    "exports:create": "export.asked",
    "exports:cancel": "export.cancelled",
    "exports:again": "export.asked",
    "exports:file": "export.downloaded",
    "sharing:shares": "share.searched",
    "sharing:door": LIST,
    "sharing:create": "share.made share.sent",
    "sharing:share": LIST,
    "sharing:copied_picture": PART,
    "sharing:extend": "share.extended",
    "sharing:limit": "share.limited",
    "sharing:link": "share.link_renewed share.sent",
    "sharing:let_go": "share.let_go",
    "sharing:send_again": "share_message.replayed",
    "sharing:revoke": "share.revoked",
    "sharing:open": "share.opened share.refused share.code_sent",
    "sharing:shown": PART,
    "sharing:pass_on": "share.passed_on",
    "sharing:images": "share.viewed",
    "sharing:report": "report.viewed",
    "sharing:report_page": "report.viewed",
    "sharing:files": "share.downloaded",
    "portal:door": SETUP,
    "portal:enter": "portal.entered portal.refused portal.code_sent",
    "portal:code": "portal.entered portal.refused",
    "portal:leave": "portal.left",
    "portal:results": "portal.results_viewed",
    "portal:result": PART,
    "portal:report": "report.viewed portal.report_downloaded",
    "portal:report_page": "report.viewed",
    "portal:images": "portal.images_viewed",
    "portal:viewers": "audit.viewers_viewed",
    "portal:shares": "portal.consent_given share.made",
    "portal:revoke": "share.revoked",
    "portal:withdraw_consent": "portal.consent_withdrawn share.revoked",
    "portal:patient": "portal.use_viewed",
    "portal:make": "portal.slip_made portal.slip_withdrawn",
    "portal:withdraw": "portal.slip_withdrawn share.revoked",
    "portal:decide": "portal.result_held portal.result_released portal.by_rule",
    "portal:rules": "portal.rule_saved",
    "portal:remove_rule": "portal.rule_removed",
    "viewer_launch:phone": SETUP,
    "viewer_launch:image": "key_image.viewed result_link.refused",
    "viewer_launch:report": "report.viewed result_link.refused",
    "viewer_launch:open": "result_link.opened result_link.refused",
    **dict.fromkeys(("signing:sign", "signing:sign_exam"), "signature.asked"),
    "signing:signing": LIST,
    "signing:batch": "signing_batch.paused signing_batch.running signing_batch.cancelled",
    "signing:withdraw": "signature.withdrawn",
    "signing:file": "signed_report.viewed",
    "signing:keys": "signing_credential.added",
    "signing:unlock": "signing_credential.unlocked",
    "signing:lock": "signing_credential.locked",
    "signing:remove": "signing_credential.removed",
    "signing:verify": "signed_file.checked",
    "signing_policy:policy": "signing_policy.changed",
    "signing_policy:add_authority": "trusted_certificate.added",
    "signing_policy:remove_authority": "trusted_certificate.removed",
    "deliveries:deliveries": "delivery.searched delivery.viewed",
    "deliveries:replay": "delivery.replayed",
    "deliveries:dismiss": "delivery.dismissed",
    "result_receivers:receivers": SETUP,
    "result_receivers:register": "receiver.registered",
    **dict.fromkeys(("result_receivers:change", "result_receivers:secret"), "receiver.changed"),
    "result_receivers:test": "receiver.tested",
    "result_receivers:payment_rules": "payment_rules.changed",
    "returns:page": "report.returns_viewed",
    "returns:recall": "report.recalled",
    "returns:release": "return.released",
    **dict.fromkeys(("statistics:overview", "statistics:turnaround", "statistics:images"), SETUP),
    "statistics:register": "statistics.register_viewed",
    "statistics:export": "statistics.exported",
    "statistics:take": "statistics.taken",
    "notifications:notifications": "notification.searched notification.viewed",
    "notifications:replay": "notification.replayed",
    "notifications:dismiss": "notification.dismissed",
    "accounts:password": "user.password_changed user.password_change_failed",
    "accounts:users": SETUP,
    "accounts:create": "user.created",
    "accounts:edit": "user.changed",
    "accounts:reset": "user.password_reset",
    "accounts:withdraw": "user.withdrawn",
    "accounts:restore": "user.restored",
    "accounts:log_out": "user.sessions_ended",
    "accounts:unlock": "user.unlocked",
    "accounts:sessions": OWN,
    "accounts:end_session": "user.session_ended",
    "accounts:end_other_sessions": "user.sessions_ended",
    "accounts:import_file": "user.created user.changed",
    "accounts:import_example": SETUP,
    "roles:roles": SETUP,
    "roles:create": "role.created",
    "roles:role": "role.changed",
    "roles:withdraw": "role.withdrawn",
    "roles:restore": "role.restored",
    "api_keys:keys": SETUP,
    "api_keys:create": "api_key.created",
    "api_keys:revoke": "api_key.revoked",
    "receivers:receivers": SETUP,
    "receivers:register": "notification_receiver.registered",
    "receivers:change": "notification_receiver.changed",
    "receivers:try": "notification_receiver.tried",
    "criticals:inbox": LIST,
    "criticals:acknowledge": "critical.acknowledged",
    "criticals:flag": "critical.flagged",
    "peer_reviews:inbox": LIST,
    "peer_reviews:review": "peer_review.opened peer_review.given",
    "peer_reviews:results": "peer_review.results_viewed",
    "peer_reviews:export": "peer_review.exported",
    "peer_reviews:rules": "peer_review_rule.set",
    "peer_reviews:remove": "peer_review_rule.removed",
    "acquisition:page": "exam.viewed",
    "acquisition:count": "exam.counted",
    "acquisition:correct": "exam.time_corrected",
    "reading_rules:rules": "reading_rule.set",
    "reading_rules:remove": "reading_rule.removed",
    "reading_targets:targets": "reading_target.set",
    "reading_targets:remove": "reading_target.removed",
    "sight:limits": "sight.limited",
    "sight:grant": "sight.granted",
    "sight:end": "sight.ended",
    "sight:confidential": "patient.made_confidential patient.made_ordinary",
    "sight:emergency": "emergency.opened emergency.not_found",
    "sight:opened": LIST,
    "webhooks:register": "webhook.registered",
    "webhooks:change": "webhook.changed",
    "webhooks:secret": "webhook.secret_replaced",
    **dict.fromkeys(
        ("gateway:rendered", "gateway:rendered_frame", "gateway:thumbnail", "gateway:frame", "gateway:bulk"),
        "images.read",
    ),
    "gateway:mark": PART,
    **dict.fromkeys(("gateway:store", "gateway:store_into_study"), "annotation.stored annotation.refused"),
    **dict.fromkeys(("rest:reference", "rest:openapi", "rest:unknown", "fhir:metadata", "fhir:unknown"), SETUP),
    **{
        name: KEY
        for name in ADDRESSES
        if re.match(r"rest:(orders|patients|devices)|fhir:(bundle|resources|search)", name)
    },
    "fhir:resource": KEY,
    **dict.fromkeys(("scim:users", "scim:user", "scim:groups", "scim:group"), KEY),
    **dict.fromkeys(("scim:described", "scim:described_one"), KEY),
    "scim:unknown": SETUP,
    "fhir:binary": "report.viewed api.read",
}
"""Actions, or one of :data:`NOTHING`."""

_SOURCES = Path(__file__).resolve().parents[3]
_RECORDED = re.compile(r'(?:record|note_search|Read|_tell|changed|told)\((?:[^()"]|\([^()]*\))*"([a-z_]+\.[a-z_]+)"')
NO_ACTIONS = frozenset({"html", "css", "csv", "pdf", "identifier"})


def test_every_address_says_what_it_records_or_why_nothing() -> None:
    assert set(WHAT_IS_AUDITED) == set(ADDRESSES)


def test_what_is_recorded_has_words() -> None:
    said = " ".join(value.partition(";")[0] for value in WHAT_IS_AUDITED.values() if value not in NOTHING).split()
    assert set(said) - set(ACTIONS) == set()


def test_every_action_in_the_source_has_words() -> None:
    found = set()
    for folder in ("plugins", "ris-webapp/ris_webapp"):
        for path in (_SOURCES / folder).rglob("*.py"):
            if "tests" not in path.parts:
                found |= set(_RECORDED.findall(path.read_text()))
    named = {action for action in found if action.rpartition(".")[2] not in NO_ACTIONS}
    assert len(named) > 100
    assert named - set(ACTIONS) == set()


def recorded(action: str) -> AuditEvent:
    return AuditEvent.objects.filter(action=action).latest("pk")


@pytest.mark.django_db
def test_a_search_is_written_once_with_its_words_hashed_and_whom_it_found() -> None:
    exam = an_exam()
    client = client_as("RADIOLOGIST")
    typed = exam.patient.full_name
    for _ in range(2):
        assert client.get(reverse("patients:search"), {"q": typed}).status_code == 200
    (event,) = AuditEvent.objects.filter(action="patient.searched")
    assert event.details == {"words": kept_words(typed.lower()), "found": 1, "patients": [exam.patient_id]}
    assert typed not in str(event.details)
    client.get(reverse("worklist:worklist"), {"q": typed})
    assert recorded("worklist.searched").details["patients"] == [exam.patient_id]


@pytest.mark.django_db
def test_a_refused_page_is_written_with_who_and_what_was_missing() -> None:
    client = client_as("CLINICIAN")
    for _ in range(40):
        assert client.get(reverse("accounts:users")).status_code == 403
    events = AuditEvent.objects.filter(action="request.refused", success=False)
    assert events.count() == 30
    event = events.latest("pk")
    assert (event.role, event.reason) == ("CLINICIAN", "QUANG-1005")
    assert event.details == {"page": "accounts:users", "method": "GET", "needs": "manage_accounts"}


@pytest.mark.django_db
def test_a_failed_login_and_a_login_are_written() -> None:
    Client().post(reverse("login:login"), {"username": "nobody", "password": "x"})
    failed = recorded("user.login_failed")
    assert (failed.kind, failed.actor, failed.success) == ("ANYBODY", "nobody", False)
