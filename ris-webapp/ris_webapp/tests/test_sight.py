"""No address shows what is hidden from a user: every one is walked with a hidden exam's numbers (P13, P17)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ris_core.accounts import roles
from ris_core.accounts.models import Role, SiteRole, User
from ris_core.accounts.rules import Function
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.critical_results.models import Urgency
from ris_core.critical_results.services import flag
from ris_core.errors import InvalidValue
from ris_core.exam_lists.services import assign_exams
from ris_core.messages.models import InboundMessage
from ris_core.notices.models import Notice
from ris_core.orders.models import FormerNumber, ImagingServiceRequest, OrderLink, RequestedProcedure, Visit
from ris_core.orders.records import name_practitioners
from ris_core.orders.rules import NamedAs, PractitionerNumber
from ris_core.patients.merging import merge_patients, unmerge_patients
from ris_core.patients.models import Patient, PatientIdentifier, PatientMerge
from ris_core.patients.visits import move_visit
from ris_core.referrers.services import link_practitioner, unlink_practitioner
from ris_core.sight.models import SightGrant
from ris_core.sight.rows import ROWS
from ris_core.sight.seeing import sees_exam, sight_of
from ris_core.sight.services import grant_order, limit_sight, set_confidential
from ris_core.studies.models import Study
from ris_testing.exams import a_reader, an_exam, approved
from ris_webapp.screens.worklist.filters import Filter
from ris_webapp.screens.worklist.side import COUNTS
from ris_webapp.sight import IMPERSONAL, NAMED, SCOPED
from ris_webapp.tests.address_table import ADDRESSES, PATTERNS, path_of
from ris_webapp.tests.people import a_role, a_user, client_as

pytestmark = pytest.mark.django_db

NAME = "VŨ THỊ BÍ MẬT"
NOT_YET = frozenset(
    {
        # lists of people who work on all orders, results or messages: see docs/security.md
        "signing:signing",
        "unmatched:queue",
        "peer_reviews:results",
        "access_log:log",
        "access_log:export",
        "access_log:alerts",
    }
)
"""Lists that show a confidential patient's name to whoever has their function."""


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    yield
    roles.forget()


@pytest.fixture
def hidden() -> RequestedProcedure:
    """An exam with images, a report and a critical result, in every list that there is."""
    exam = an_exam()
    exam.patient.full_name, exam.patient.dicom_name = NAME, "VU^THI BI MAT"
    exam.patient.search_key = "vu thi bi mat"
    exam.patient.save()
    reader = a_reader()
    flag(exam.pk, Urgency.RED, "Tràn khí màng phổi", reader)
    approved(exam, reader)
    return exam


def _everything_but(*functions: Function) -> User:
    return a_user(a_role(*(set(Function) - set(functions))))


def _target(name: str, exam: RequestedProcedure) -> str:
    keys = {"exam_id": exam.pk, "procedure_id": exam.pk, "prior_id": exam.pk, "patient_id": exam.patient_id}
    keys |= {"request_id": exam.request_id, "study_id": Study.objects.get().pk, "number": 1}
    found = {argument: keys[argument] for argument in PATTERNS[name].pattern.converters if argument in keys}
    path = path_of(name, **found)
    return f"{path}?when=all&q=b%C3%AD+m%E1%BA%ADt&exams={exam.pk}&ids={exam.pk}&patient_query=b%C3%AD+m%E1%BA%ADt"


def _showing(client: Client, exam: RequestedProcedure) -> set[str]:
    shown = set()
    for address in ADDRESSES.values():
        if address.functions is None or "GET" not in address.methods:
            continue
        answer = client.get(_target(address.name, exam), follow=False)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        if NAME in body.decode(errors="replace") or exam.request.accession_number in body.decode(errors="replace"):
            shown.add(address.name)
    return shown


@pytest.mark.once
def test_the_walk_finds_the_name_where_it_is_to_be_seen(hidden: RequestedProcedure) -> None:
    shown = _showing(client_as(user=_everything_but()), hidden)
    assert shown >= {"worklist:worklist", "reading:page", "patients:search", "patients:patient", "comparing:history"}


@pytest.mark.once
def test_a_confidential_patient_is_nowhere_for_who_lacks_the_function(hidden: RequestedProcedure) -> None:
    set_confidential(hidden.patient_id, True, SYSTEM)
    shown = _showing(client_as(user=_everything_but(Function.VIEW_CONFIDENTIAL)), hidden)
    assert shown <= NOT_YET


def test_somebody_with_limits_sees_nothing_outside_them_on_any_address(hidden: RequestedProcedure) -> None:
    user = _everything_but()
    limit_sight(user.pk, {"modalities": ["MR"]}, SYSTEM)
    client = client_as(user=user)
    assert _showing(client, hidden) == set()
    for address in ADDRESSES.values():
        if not address.functions or "GET" not in address.methods:
            continue
        named = set(PATTERNS[address.name].pattern.converters) & set(NAMED)
        if not named and address.name not in SCOPED and address.name.partition(":")[0] not in IMPERSONAL:
            assert client.get(path_of(address.name)).status_code == 403, address.name


@pytest.mark.parametrize(
    ("limits", "sees"),
    [
        ({"modalities": ["CT"]}, True),
        ({"modalities": ["MR"]}, False),
        ({"departments": ["Khoa Nội thần kinh"], "modalities": ["CT"]}, True),
        ({"departments": ["Khoa Ngoại"], "modalities": ["CT"]}, False),
        ({"physicians": ["LÊ THỊ HOA"]}, True),
        ({"physicians": ["LÊ VĂN HÙNG"]}, False),
        ({"rooms": ["Phòng CT 9"]}, False),
        ({}, True),
    ],
)
def test_limits_are_met_together(hidden: RequestedProcedure, limits: dict[str, list[str]], sees: bool) -> None:
    user = a_user(Role.RADIOLOGIST)
    limit_sight(user.pk, limits, SYSTEM)
    client = client_as(user=user)
    assert (client.get(f"/exams/{hidden.pk}/").status_code == 200) is sees
    assert (NAME in client.get("/?when=all").content.decode()) is sees


def _named_only() -> User:
    """Somebody of a site's own role that sees only what names them, in every list that there is."""
    role = a_role(*Function)
    SiteRole.objects.filter(code=role).update(own_only=True)
    roles.forget()
    return a_user(role, full_name="LÊ THỊ HOA")


@pytest.mark.once
def test_who_sees_only_what_names_them_is_known_by_number_and_not_by_name(hidden: RequestedProcedure) -> None:
    stranger, orderer = _named_only(), _named_only()
    name_practitioners(hidden.request_id, {NamedAs.REQUESTING: (PractitionerNumber("BS-42", "BVQ"),)})
    link = link_practitioner(orderer.pk, "BS-42", "BVQ", SYSTEM)
    assert client_as(user=stranger).get(f"/exams/{hidden.pk}/").status_code == 403
    assert NAME not in client_as(user=stranger).get("/?when=all").content.decode()
    client = client_as(user=orderer)
    assert client.get(f"/exams/{hidden.pk}/").status_code == 200
    assert _showing(client, hidden) >= {"worklist:worklist", "referrers:results", "reading:page"}
    assert "patients:patient" not in _showing(client, hidden)
    unlink_practitioner(link.pk, SYSTEM)
    assert client.get(f"/exams/{hidden.pk}/")["Location"].startswith("/login/")
    orderer.refresh_from_db()
    again = client_as(user=orderer)
    assert again.get("/?when=all").status_code == 200
    assert _showing(again, hidden) == set()


def test_a_grant_opens_one_exam_until_it_ends(hidden: RequestedProcedure) -> None:
    user = _named_only()
    client = client_as(user=user)
    assert client.get(f"/exams/{hidden.pk}/").status_code == 403
    until = timezone.now() + timedelta(days=2)
    [grant] = grant_order(user.pk, hidden.request.accession_number, until, "Hội chẩn liên viện", SYSTEM)
    assert client.get(f"/exams/{hidden.pk}/").status_code == 200
    assert client.get(f"/patients/{hidden.patient_id}/").status_code == 403
    SightGrant.objects.filter(pk=grant.pk).update(until=timezone.now())
    assert client.get(f"/exams/{hidden.pk}/").status_code == 403


def test_a_grant_of_an_exam_is_of_its_patient_too(hidden: RequestedProcedure) -> None:
    user, other = _named_only(), an_exam()
    until = timezone.now() + timedelta(days=2)
    merge = merge_patients(hidden.patient_id, other.patient_id, SYSTEM)
    grant_order(user.pk, hidden.request.accession_number, until, "Hội chẩn liên viện", SYSTEM)
    assert sees_exam(user, hidden.pk)
    unmerge_patients(merge.pk, SYSTEM, reason="nhầm người")
    assert not sees_exam(user, hidden.pk)


def test_a_grant_opens_every_exam_of_the_order_or_those_of_one_service(hidden: RequestedProcedure) -> None:
    second = an_exam()
    RequestedProcedure.objects.filter(pk=second.pk).update(request_id=hidden.request_id, service_code="SA-BUNG")
    whole, one = _named_only(), _named_only()
    number, until = hidden.request.accession_number, timezone.now() + timedelta(days=2)
    grant_order(whole.pk, number, until, "Hội chẩn liên viện", SYSTEM)
    grant_order(one.pk, number, until, "Hội chẩn liên viện", SYSTEM, service_code="SA-BUNG")
    opened = [[client_as(user=user).get(f"/exams/{exam.pk}/").status_code for exam in (hidden, second)]
              for user in (whole, one)]  # fmt: skip
    assert opened == [[200, 200], [403, 200]]
    with pytest.raises(InvalidValue):
        grant_order(one.pk, number, until, "Hội chẩn liên viện", SYSTEM, service_code="KHAC")


def test_a_row_named_by_its_own_key_is_closed_like_what_it_is_about(hidden: RequestedProcedure) -> None:
    set_confidential(hidden.patient_id, True, SYSTEM)
    other = an_exam()
    visit = Visit.objects.create(patient_id=hidden.patient_id, visit_number="LK-9")
    identifier = PatientIdentifier.objects.filter(patient_id=hidden.patient_id).first()
    merge = PatientMerge.objects.create(
        merged_id=other.patient_id, survivor_id=hidden.patient_id, moved={}, merged_at=timezone.now(), merged_by="x"
    )
    former = FormerNumber.objects.create(
        request=hidden.request, kind="ACCESSION", value="AC-CU", replaced_by="AC-MOI", replaced_at=timezone.now()
    )
    absorbed = OrderLink.objects.create(procedure=other, absorbed=hidden, linked_at=timezone.now())
    notice = Notice.objects.create(kind="images_removed", procedure=hidden, at=timezone.now())
    assert identifier is not None
    rows = [
        f"/patients/visits/{visit.pk}/move", f"/patients/identifiers/{identifier.pk}/retire",
        f"/patients/merges/{merge.pk}/undo", f"/orders/numbers/{former.pk}/restore",
        f"/orders/links/{absorbed.pk}/undo", f"/notices/{notice.pk}/acknowledge",
    ]  # fmt: skip
    blind, seer = client_as(user=_everything_but(Function.VIEW_CONFIDENTIAL)), client_as(user=_everything_but())
    assert {row: blind.post(row).status_code for row in rows} == dict.fromkeys(rows, 403)
    assert 403 not in {seer.post(row).status_code for row in rows}


def test_a_row_of_which_nobody_knows_whose_it_is_lies_outside_every_limit() -> None:
    user = _everything_but()
    held = InboundMessage.objects.create(sender="HIS|BVQ", raw=b"", state="HELD", received_at=timezone.now())
    assert ROWS["held_id"].seen_by(user, held.pk)
    limit_sight(user.pk, {"modalities": ["CT"]}, SYSTEM)
    assert not ROWS["held_id"].seen_by(user, held.pk)
    assert client_as(user=user).post(f"/patients/held/{held.pk}/refuse", {"reason": "x"}).status_code == 403


def test_what_leaves_a_confidential_record_stays_hidden_and_is_told(hidden: RequestedProcedure) -> None:
    set_confidential(hidden.patient_id, True, SYSTEM)
    visit = Visit.objects.create(patient_id=hidden.patient_id, visit_number="LK-9")
    ImagingServiceRequest.objects.filter(pk=hidden.request_id).update(visit=visit)
    receiver = an_exam().patient
    move_visit(visit.pk, receiver.pk, SYSTEM, reason="đăng ký nhầm người")
    assert client_as(Role.TECHNOLOGIST).get(f"/exams/{hidden.pk}/").status_code == 403
    assert client_as(Role.TECHNOLOGIST).get(f"/patients/{receiver.pk}/").status_code == 403
    assert "cũng cần bảo mật" in client_as(Role.RECEPTION).get(f"/patients/{receiver.pk}/").content.decode()
    assert AuditEvent.objects.filter(action="patient.made_confidential", patient_id=receiver.pk).exists()


def test_the_glass_is_broken_with_a_number_and_a_reason_for_a_while_and_auditors_see_it(
    hidden: RequestedProcedure,
) -> None:
    set_confidential(hidden.patient_id, True, SYSTEM)
    user = a_user(Role.RADIOLOGIST)
    client, page = client_as(user=user), f"/patients/{hidden.patient_id}/"
    refused = client.get(page)
    assert refused.status_code == 403
    assert "/emergency/" in refused.content.decode()
    form = {"number": hidden.request.accession_number, "reason": "Cấp cứu ngừng tuần hoàn"}
    for wrong in (
        {"number": "AC0"},
        {"reason": "vội"},
        {"number": ""},
        {"number": hidden.request.accession_number[:-1]},
    ):
        assert client.post("/emergency/", {**form, **wrong}).status_code == 422, wrong
    assert client.get(page).status_code == 403
    answer = client.post("/emergency/", form, follow=True)
    assert NAME in answer.content.decode()
    assert client.get(page).status_code == 200
    event = AuditEvent.objects.get(action="emergency.opened")
    assert (event.actor, event.reason) == (user.username, "Cấp cứu ngừng tuần hoàn")
    seen = client_as(Role.AUDITOR).get("/emergency/opened/").content.decode()
    assert "Cấp cứu ngừng tuần hoàn" in seen
    assert NAME not in seen
    SightGrant.objects.update(until=timezone.now())
    assert client.get(page).status_code == 403


def test_who_is_asked_to_read_a_confidential_exam_sees_it() -> None:
    exam = an_exam()
    set_confidential(exam.patient_id, True, SYSTEM)
    user = a_user(Role.RADIOLOGIST)
    assert client_as(user=user).get(f"/exams/{exam.pk}/").status_code == 403
    assign_exams(user.pk, [exam.pk], a_reader())
    assert client_as(user=user).get(f"/exams/{exam.pk}/").status_code == 200


def test_a_confidential_patient_is_not_shown_beside_another(hidden: RequestedProcedure) -> None:
    approved(other := an_exam(), a_reader())
    set_confidential(hidden.patient_id, True, SYSTEM)
    user = _everything_but(Function.VIEW_CONFIDENTIAL)
    client, seer = client_as(user=user), client_as(user=_everything_but())
    chosen = f"/orders/new/?patient={hidden.patient_id}"
    beside = f"/patients/{other.patient_id}/merge/?other={hidden.patient_id}"
    for address in (chosen, beside):
        assert NAME in seer.get(address).content.decode(), address
        assert NAME not in client.get(address).content.decode(), address
    service = {"patient": hidden.patient_id, "priority": "ROUTINE", "service": 1}
    assert NAME not in client.post("/orders/new/", service).content.decode()
    merging = {"survivor": hidden.patient_id, "reason": "một người"}
    assert client.post(f"/patients/{other.patient_id}/merge", merging).status_code == 403


def test_who_sees_less_gets_counts_of_their_own(hidden: RequestedProcedure) -> None:
    set_confidential(hidden.patient_id, True, SYSTEM)
    seer, user = _everything_but(), _everything_but(Function.VIEW_CONFIDENTIAL)
    wanted = Filter.parse({"when": "all", "q": "bí mật"})
    counted = [COUNTS.of(wanted, each, sight_of(each)).number for each in (seer, user)]
    assert counted == [1, 0]


def test_the_glass_is_broken_by_a_number_of_a_record_that_was_merged(hidden: RequestedProcedure) -> None:
    former = an_exam().patient
    PatientIdentifier.objects.filter(patient=former).update(value="CU-77")
    Patient.objects.filter(pk=former.pk).update(merged_into=hidden.patient)
    set_confidential(hidden.patient_id, True, SYSTEM)
    user = a_user(Role.RADIOLOGIST)
    client = client_as(user=user)
    assert client.get(f"/patients/{former.pk}/").status_code == 403
    assert NAME not in client.get("/patients/?q=CU-77").content.decode()
    client.post("/emergency/", {"number": "CU-77", "reason": "Cấp cứu ngừng tuần hoàn"})
    assert client.get(f"/exams/{hidden.pk}/").status_code == 200


def test_limits_and_marks_are_set_on_screens() -> None:
    exam, user, client = an_exam(), a_user(Role.CLINICIAN), client_as(Role.ADMINISTRATOR)
    address = f"/admin/users/{user.pk}/sight/"
    assert client.post(address, {"modalities": "CT\n MR \n\n"}).status_code == 302
    page = client.get(address).content.decode()
    assert "CT\nMR" in page
    until = (timezone.localdate() + timedelta(days=5)).isoformat()
    form = {"accession_number": exam.request.accession_number, "until": until, "reason": "Theo dõi sau mổ"}
    client.post(f"{address}grant", form)
    grant = SightGrant.objects.get()
    assert "Theo dõi sau mổ" in client.get(address).content.decode()
    client.post(f"/admin/sight-grants/{grant.pk}/end")
    assert SightGrant.objects.get().until <= timezone.now()
    client.post(f"/patients/{exam.patient_id}/confidential", {"confidential": "1"})
    assert client_as(Role.TECHNOLOGIST).get(f"/patients/{exam.patient_id}/").status_code == 403
    client.post(f"/patients/{exam.patient_id}/confidential", {})
    assert client_as(Role.TECHNOLOGIST).get(f"/patients/{exam.patient_id}/").status_code == 200
