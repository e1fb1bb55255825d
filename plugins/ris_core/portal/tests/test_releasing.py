"""What a slip shows of its patient's exams, at each look, and what ends with it (R17, F4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ris_core.access.ended_grants import read_ended_grants
from ris_core.access.tokens import portal_grant
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import Actor
from ris_core.critical_results.models import CriticalResult
from ris_core.delivery.models import Delivery, PaymentRule, ReturnHold
from ris_core.errors import TransitionRefused
from ris_core.orders.models import ExamState, ImagingServiceRequest, RequestedProcedure
from ris_core.patients.merging import merge_patients
from ris_core.patients.models import Patient
from ris_core.portal.entering import Knock, enter
from ris_core.portal.errors import PortalInvalid
from ris_core.portal.looks import begin_look, images_taken_from
from ris_core.portal.models import PatientShare, PortalSlip, PortalVisit, ReleaseRule
from ris_core.portal.releasing import results_of, results_of_slip
from ris_core.portal.rules import Decision, ResultState
from ris_core.portal.shares import consent_of, own_shares, revoke_own, share_own, shown_in, withdraw_consent
from ris_core.portal.slips import (
    decide_result,
    make_slip,
    remove_release_rule,
    save_release_rule,
    withdraw_slip,
)
from ris_core.reports.models import ReportVersion, VersionStatus
from ris_core.reports.recalling import recall
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.services import share_state
from ris_core.sight.services import set_confidential
from ris_testing.exams import a_reader, a_receiver, an_exam, approved

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_once() -> ReleaseRule:
    return a_rule()


def a_rule(**values: Any) -> ReleaseRule:
    usual: dict[str, Any] = {
        "service_code": "", "modality": "", "when": "FINAL", "delay_hours": 0, "with_images": True, "guidance": "",
        "guidance_en": "",
    }  # fmt: skip
    return save_release_rule(a_reader(), **{**usual, **values})


def a_result() -> tuple[ReportVersion, RequestedProcedure]:
    version = approved(an_exam(), a_reader())
    return version, RequestedProcedure.objects.get(pk=version.reading.procedure_id)


def entered_for(exam: RequestedProcedure, *, only: bool = False) -> PortalVisit:
    _slip, code = make_slip(exam.patient_id, exam.pk if only else None, a_reader())
    return enter(Knock(code=code, birth_date="19801121")).visit


def states(visit: PortalVisit) -> dict[int, ResultState]:
    slip = PortalSlip.objects.get(pk=visit.slip_id)
    return {result.exam.pk: result.state for result in results_of_slip(slip)}


def a_look(visit: PortalVisit, exam: RequestedProcedure) -> str:
    return portal_grant(begin_look(exam.pk, visit.slip, timezone.now() + timedelta(minutes=10), visit=visit).pk)


def recalled(version: ReportVersion) -> None:
    recall(version.reading_id, version.number, "Nhầm bên", a_reader())


def flagged(version: ReportVersion) -> None:
    CriticalResult.objects.create(
        procedure_id=version.reading.procedure_id, urgency="RED", finding="Xuất huyết não",
        flagged_by_id=version.approved_by_id, flagged_at=timezone.now(), due_at=timezone.now(),
    )  # fmt: skip


def held(version: ReportVersion) -> None:
    decide_result(version.reading.procedure_id, Decision.HELD, "Bác sĩ trao đổi trực tiếp", a_reader())


def unpaid(version: ReportVersion) -> None:
    PaymentRule.objects.create(name="Ngoại trú trả trước")
    request = ImagingServiceRequest.objects.filter(requested_procedures=version.reading.procedure_id)
    request.update(payment_state="UNPAID")


def on_hold(version: ReportVersion) -> None:
    ReturnHold.objects.create(procedure_id=version.reading.procedure_id, held_at=timezone.now())


def excluded(_version: ReportVersion) -> None:
    a_rule(service_code="CT.*", when="NEVER")


def delayed(_version: ReportVersion) -> None:
    a_rule(delay_hours=24)


TAKEN_BACK: dict[str, tuple[Callable[[ReportVersion], None], ResultState]] = {
    "recalled": (recalled, ResultState.CORRECTING),
    "critical": (flagged, ResultState.AT_HOSPITAL),
    "held": (held, ResultState.AT_HOSPITAL),
    "unpaid": (unpaid, ResultState.UNPAID),
    "on hold": (on_hold, ResultState.UNPAID),
    "excluded": (excluded, ResultState.AT_HOSPITAL),
    "delayed": (delayed, ResultState.LATER),
}


@pytest.mark.parametrize("how", TAKEN_BACK)
def test_what_takes_a_result_back_takes_its_images_back(how: str) -> None:
    version, exam = a_result()
    visit = entered_for(exam)
    assert states(visit) == {exam.pk: ResultState.READY}
    grant = a_look(visit, exam)
    assert grant not in read_ended_grants()
    take, state = TAKEN_BACK[how]
    take(version)
    assert states(visit) == {exam.pk: state}
    assert grant in read_ended_grants()


@pytest.mark.parametrize(
    "how", ["left", "idle", "withdrawn", "over", "confidential", "merged", "images taken", "moved", "without images"]
)
def test_what_ends_a_visit_or_takes_images_ends_the_look(how: str) -> None:
    _version, exam = a_result()
    visit, actor = entered_for(exam), a_reader()
    grant = a_look(visit, exam)
    visits, slips = PortalVisit.objects.filter(pk=visit.pk), PortalSlip.objects.filter(pk=visit.slip_id)
    now = timezone.now()
    if how == "left":
        visits.update(ended_at=now)
    elif how == "idle":
        visits.update(used_at=now - timedelta(minutes=16))
    elif how == "withdrawn":
        withdraw_slip(visit.slip_id, actor)
    elif how == "over":
        slips.update(expires_at=now)
    elif how == "confidential":
        set_confidential(exam.patient_id, True, actor)
    elif how == "merged":
        merge_patients(exam.patient_id, an_exam().patient_id, actor)
    elif how == "images taken":
        images_taken_from(exam.pk)
    elif how == "moved":
        RequestedProcedure.objects.filter(pk=exam.pk).update(patient=an_exam().patient)
    else:
        a_rule(with_images=False)
    assert grant in read_ended_grants()


def test_a_look_that_goes_on_has_not_ended_and_nobody_looking_costs_one_query() -> None:
    _version, exam = a_result()
    assert a_look(entered_for(exam), exam) not in read_ended_grants()
    with CaptureQueriesContext(connection) as looking:
        read_ended_grants()
    with CaptureQueriesContext(connection) as nobody:
        read_ended_grants(timezone.now() + timedelta(hours=1))
    assert len([each for each in nobody if "portal_imageslook" in each["sql"]]) == 1
    assert len(looking) > len(nobody)


def test_many_exams_take_as_many_queries_as_one() -> None:
    _version, exam = a_result()
    exams = [a_result()[1] for _ in range(4)]
    wanted = RequestedProcedure.objects.select_related("patient", "request__visit")
    counted = []
    for some in ([exam.pk], [each.pk for each in exams]):
        found = list(wanted.filter(pk__in=some))
        with CaptureQueriesContext(connection) as queries:
            results_of(found, timezone.now())
        counted.append(len(queries))
    assert counted[0] == counted[1]


def test_what_a_merge_brought_from_somebody_born_on_another_day_is_shown_when_a_person_says_so() -> None:
    (_version, own), (_other, strange), (_same, joined) = a_result(), a_result(), a_result()
    Patient.objects.filter(pk=strange.patient_id).update(birth_date="1979")
    for each in (strange, joined):
        merge_patients(each.patient_id, own.patient_id, a_reader())
    visit = entered_for(own)
    assert states(visit) == {own.pk: ResultState.READY, joined.pk: ResultState.READY}
    assert a_look(visit, strange) in read_ended_grants()
    decide_result(strange.pk, Decision.RELEASED, "Đã đối chiếu giấy tờ", a_reader())
    assert states(visit)[strange.pk] is ResultState.READY


def test_what_was_released_before_a_merge_was_released_to_somebody_else() -> None:
    (_version, own), (_other, strange) = a_result(), a_result()
    Patient.objects.filter(pk=strange.patient_id).update(birth_date="1979")
    decide_result(strange.pk, Decision.RELEASED, "Người bệnh đang chờ", a_reader())
    merge_patients(strange.patient_id, own.patient_id, a_reader())
    assert states(entered_for(own)) == {own.pk: ResultState.READY}


def test_what_has_come_since_to_an_order_that_a_merge_brought_is_in_doubt_as_the_order_is() -> None:
    (_version, own), (_other, strange), (_further, later) = a_result(), a_result(), a_result()
    Patient.objects.filter(pk=strange.patient_id).update(birth_date="1979")
    merge_patients(strange.patient_id, own.patient_id, a_reader())
    RequestedProcedure.objects.filter(pk=later.pk).update(patient=own.patient, request=strange.request)
    assert states(entered_for(own)) == {own.pk: ResultState.READY}


@pytest.mark.parametrize("of_the_survivor", [False, True])
def test_images_open_at_the_portal_end_with_a_merge(of_the_survivor: bool) -> None:
    (_version, exam), (_other, other) = a_result(), a_result()
    grant = a_look(entered_for(exam), exam)
    pair = (other.patient_id, exam.patient_id) if of_the_survivor else (exam.patient_id, other.patient_id)
    merge_patients(*pair, a_reader())
    assert grant in read_ended_grants()


def test_a_preliminary_report_is_no_result() -> None:
    version = approved(an_exam(), a_reader(), status=VersionStatus.PRELIMINARY)
    exam = RequestedProcedure.objects.get(pk=version.reading.procedure_id)
    assert states(entered_for(exam)) == {exam.pk: ResultState.READING}


def test_returned_counts_from_the_acknowledgement() -> None:
    a_rule(when="RETURNED")
    receiver = a_receiver()
    version, exam = a_result()
    visit = entered_for(exam)
    assert states(visit)[exam.pk] is ResultState.LATER
    Delivery.objects.filter(receiver=receiver, version=version).update(
        state="ACKNOWLEDGED", acknowledged_at=timezone.now()
    )
    assert states(visit)[exam.pk] is ResultState.READY


def test_a_person_lets_an_excluded_result_go_and_leaves_it_to_the_rules_again() -> None:
    a_rule(service_code="CT.SONAO", when="NEVER")
    _version, exam = a_result()
    visit, actor = entered_for(exam), a_reader()
    decide_result(exam.pk, Decision.RELEASED, "Người bệnh ở xa", actor)
    assert states(visit)[exam.pk] is ResultState.READY
    decide_result(exam.pk, None, "Theo quy tắc", actor)
    assert states(visit)[exam.pk] is ResultState.AT_HOSPITAL
    assert AuditEvent.objects.filter(action__startswith="portal.", subject=f"exam:{exam.pk}").count() == 2
    with pytest.raises(PortalInvalid):
        decide_result(exam.pk, Decision.HELD, " ", actor)


def test_without_any_rule_who_ordered_reads_first(at_once: ReleaseRule) -> None:
    remove_release_rule(at_once.pk, a_reader())
    _version, exam = a_result()
    assert states(entered_for(exam))[exam.pk] is ResultState.LATER


def test_another_patients_exam_never_and_cancelled_ones_not() -> None:
    _version, exam = a_result()
    _other, others = a_result()
    RequestedProcedure.objects.filter(pk=others.pk).update(patient=exam.patient, exam_state=ExamState.CANCELLED)
    visit = entered_for(exam)
    a_result()
    assert set(states(visit)) == {exam.pk}


def test_a_slip_of_one_exam_shows_that_one_alone_and_not_as_somebody_elses() -> None:
    _version, exam = a_result()
    other = an_exam()
    RequestedProcedure.objects.filter(pk=other.pk).update(patient=exam.patient)
    visit = entered_for(exam, only=True)
    assert set(states(visit)) == {exam.pk}
    RequestedProcedure.objects.filter(pk=exam.pk).update(patient=an_exam().patient)
    assert states(visit) == {}


def test_the_newest_slip_of_its_kind_alone_opens() -> None:
    _version, exam = a_result()
    actor = a_reader()
    of_exam, _code = make_slip(exam.patient_id, exam.pk, actor)
    first, _code = make_slip(exam.patient_id, None, actor)
    second, _code = make_slip(exam.patient_id, None, actor)
    in_force = PortalSlip.objects.filter(withdrawn_at__isnull=True)
    assert set(in_force.values_list("pk", flat=True)) == {of_exam.pk, second.pk}
    with pytest.raises(TransitionRefused):
        withdraw_slip(first.pk, actor)


def test_a_new_slip_takes_the_place_of_those_of_records_merged_into_the_patients() -> None:
    _version, exam = a_result()
    other, actor = an_exam(), a_reader()
    merged, _code = make_slip(other.patient_id, None, actor)
    merge_patients(other.patient_id, exam.patient_id, actor)
    made, _code = make_slip(exam.patient_id, None, actor)
    assert merged.pk != made.pk
    assert list(PortalSlip.objects.filter(withdrawn_at__isnull=True)) == [made]


@pytest.mark.parametrize("what", ["confidential", "merged", "shut"])
def test_for_whom_no_slip_is_made(what: str, portal: Callable[..., None]) -> None:
    exam, actor = an_exam(), a_reader()
    if what == "confidential":
        set_confidential(exam.patient_id, True, actor)
    elif what == "merged":
        merge_patients(exam.patient_id, an_exam().patient_id, actor)
    else:
        portal(enabled=False)
    with pytest.raises(PortalInvalid):
        make_slip(exam.patient_id, None, actor)


def as_patient(visit: PortalVisit) -> Actor:
    return Actor(f"patient:{visit.patient_id}", kind=ActorKind.PATIENT)


def shared(visit: PortalVisit, *exams: RequestedProcedure, **values: Any) -> Any:
    usual: dict[str, Any] = {"receiver": "BS Minh", "days": 3, "agreed_to": "2026-1", "language": "vi", **values}
    ids = [exam.pk for exam in exams]
    return share_own(visit, ids, usual.pop("receiver"), usual.pop("days"), as_patient(visit), **usual)[0]


def test_a_patient_shares_what_is_open_with_consent_and_revokes_it() -> None:
    version, exam = a_result()
    visit = entered_for(exam)
    share = shared(visit, exam)
    assert share.created_by is None
    consent = consent_of(visit)
    assert consent is not None
    assert consent.text_version == "2026-1"
    assert set(shown_in(share) or {}) == {exam.pk}
    grant = portal_grant(begin_look(exam.pk, visit.slip, share.expires_at, share=share).pk)
    assert grant not in read_ended_grants()
    recalled(version)
    assert shown_in(share) == {}
    assert grant in read_ended_grants()
    revoke_own(visit, share.pk, as_patient(visit))
    assert share_state(own_shares(visit).get()).value == "REVOKED"
    made = AuditEvent.objects.get(action="share.made")
    assert (made.kind, made.patient_id, made.actor) == ("PATIENT", exam.patient_id, f"patient:{exam.patient_id}")


@pytest.mark.parametrize("how", ["consent withdrawn", "slip withdrawn", "revoked", "confidential", "portal shut"])
def test_what_shuts_a_patients_share(how: str, portal: Callable[..., None]) -> None:
    _version, exam = a_result()
    visit = entered_for(exam)
    share = shared(visit, exam)
    grant = portal_grant(begin_look(exam.pk, visit.slip, share.expires_at, share=share).pk)
    if how == "consent withdrawn":
        withdraw_consent(visit, as_patient(visit))
        assert consent_of(visit) is None
    elif how == "slip withdrawn":
        withdraw_slip(visit.slip_id, a_reader())
    elif how == "revoked":
        revoke_own(visit, share.pk, as_patient(visit))
    elif how == "portal shut":
        portal(enabled=False)
    else:
        set_confidential(exam.patient_id, True, a_reader())
    share.refresh_from_db()
    assert shown_in(share) == {}
    assert grant in read_ended_grants()


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("consent", {"agreed_to": ""}),
        ("consent", {"agreed_to": "2020-1"}),
        ("days", {"days": 0}),
        ("days", {"days": 8}),
        ("receiver", {"receiver": " "}),
    ],
)
def test_what_a_patients_share_cannot_be(field: str, values: dict[str, Any]) -> None:
    _version, exam = a_result()
    visit = entered_for(exam)
    with pytest.raises((PortalInvalid, ShareInvalid)) as refused:
        shared(visit, exam, **values)
    assert getattr(refused.value, "field", "") == field
    assert not PatientShare.objects.exists()


def test_a_patient_shares_nothing_that_is_not_open_or_not_theirs() -> None:
    version, exam = a_result()
    _other, others = a_result()
    visit = entered_for(exam)
    for exams in ((), (others,), (exam, others)):
        with pytest.raises(PortalInvalid):
            shared(visit, *exams)
    held(version)
    with pytest.raises(PortalInvalid):
        shared(visit, exam)
