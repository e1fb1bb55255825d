"""Doctors outside see released exams that name them by their number; linked, told, unlinked (F4, R13)."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import msgspec
import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.delivery.holding import release_hold
from ris_core.delivery.models import PaymentRule, ReturnHold
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.models import NamedPractitioner, RequestedProcedure
from ris_core.orders.records import name_practitioners, practitioners_of
from ris_core.orders.rules import NamedAs, PractitionerNumber
from ris_core.outbox.entries import OutboxState
from ris_core.referrers.models import PractitionerLink, ReferrerLetter
from ris_core.referrers.services import known_as, link_practitioner, unlink_practitioner
from ris_core.referrers.telling import LETTERS
from ris_core.reports.models import VersionStatus
from ris_core.reports.recalling import recall
from ris_core.sight.seeing import sees_exam, sees_patient, sight_of
from ris_core.sight.services import limit_sight, set_confidential
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db
HOA = PractitionerNumber("BS-0042", "BVQ")


def a_doctor(*numbers: PractitionerNumber, email: str = "") -> User:
    """Somebody outside with an account."""
    user = User.objects.create_user(f"d{User.objects.count()}_x", None, full_name="LÊ THỊ HOA", role=Role.REFERRER)
    User.objects.filter(pk=user.pk).update(email=email)
    for number in numbers:
        link_practitioner(user.pk, number.identifier, number.issuer, SYSTEM)
    user.refresh_from_db()
    return user


def naming(*numbers: PractitionerNumber, as_: NamedAs = NamedAs.REQUESTING) -> RequestedProcedure:
    exam = an_exam()
    name_practitioners(exam.request_id, {as_: numbers})
    return exam


@pytest.mark.parametrize("as_", list(NamedAs))
def test_an_exam_is_seen_once_its_result_is_released_by_whom_its_order_names(as_: NamedAs) -> None:
    exam, hoa, same_name = naming(HOA, as_=as_), a_doctor(HOA), a_doctor()
    other_issuer = a_doctor(PractitionerNumber(HOA.identifier, "BVK"))
    assert not sees_exam(hoa, exam.pk)
    approved(exam, a_reader())
    assert sees_exam(hoa, exam.pk)
    assert not sees_exam(same_name, exam.pk)
    assert not sees_exam(other_issuer, exam.pk)
    assert not sees_patient(hoa, exam.patient_id)
    assert sight_of(hoa).is_limited


def test_what_is_preliminary_held_back_recalled_or_confidential_is_not_seen() -> None:
    hoa, reader = a_doctor(HOA), a_reader()
    preliminary, held, recalled, confidential = (naming(HOA) for _ in range(4))
    approved(preliminary, reader, status=VersionStatus.PRELIMINARY)
    version = [approved(exam, reader) for exam in (held, recalled, confidential)][1]
    rule = PaymentRule.objects.create(name="chưa thanh toán")
    hold = ReturnHold.objects.create(procedure=held, rule=rule, held_at=timezone.now())
    recall(version.reading_id, version.number, "nhầm bên", reader)
    set_confidential(confidential.patient_id, True, SYSTEM)
    assert not any(sees_exam(hoa, exam.pk) for exam in (preliminary, held, recalled, confidential))
    release_hold(hold.procedure_id, "đã nộp", reader)
    assert sees_exam(hoa, held.pk)


def test_limits_of_the_account_narrow_what_names_it_and_never_open_more() -> None:
    hoa, reader = a_doctor(HOA), a_reader()
    named, other, waiting = naming(HOA), an_exam(), naming(HOA)
    for exam in (named, other):
        approved(exam, reader)
    limit_sight(hoa.pk, {"modalities": [named.modality]}, SYSTEM)
    assert [sees_exam(hoa, exam.pk) for exam in (named, other, waiting)] == [True, False, False]
    limit_sight(hoa.pk, {"modalities": ["XX"]}, SYSTEM)
    assert not sees_exam(hoa, named.pk)


def test_a_number_is_one_accounts_and_unlinking_closes_at_once_and_ends_sessions() -> None:
    exam, hoa, other = naming(HOA), a_doctor(HOA), a_doctor()
    approved(exam, a_reader())
    with pytest.raises(InvalidValue):
        link_practitioner(other.pk, HOA.identifier, HOA.issuer, SYSTEM)
    for identifier, issuer in (("", "BVQ"), ("BS1", " "), ("9" * 65, "BVQ")):
        with pytest.raises(InvalidValue):
            link_practitioner(other.pk, identifier, issuer, SYSTEM)
    link = PractitionerLink.objects.get()
    assert link_practitioner(hoa.pk, f" {HOA.identifier} ", HOA.issuer, SYSTEM) == link
    unlink_practitioner(link.pk, SYSTEM)
    assert not sees_exam(hoa, exam.pk)
    assert User.objects.get(pk=hoa.pk).sessions_ended == hoa.sessions_ended + 1
    with pytest.raises(NotFound):
        unlink_practitioner(link.pk, SYSTEM)
    link_practitioner(other.pk, HOA.identifier, HOA.issuer, SYSTEM)
    assert sees_exam(other, exam.pk)
    actions = AuditEvent.objects.filter(action__startswith="practitioner.").values_list("action", flat=True)
    assert sorted(actions) == ["practitioner.linked", "practitioner.linked", "practitioner.unlinked"]
    assert known_as("BS-0042") == [("BVQ", 1)]


def test_numbers_of_an_order_are_replaced_part_by_part() -> None:
    exam, copy = naming(HOA), PractitionerNumber("BS-7", "PK ĐỨC TÍN")
    assert name_practitioners(exam.request_id, {NamedAs.COPY: (copy,)})
    assert not name_practitioners(exam.request_id, {NamedAs.COPY: (copy,)})
    assert practitioners_of(exam.request_id) == {
        NamedAs.REQUESTING: (HOA,), NamedAs.REFERRING: (), NamedAs.COPY: (copy,)
    }  # fmt: skip
    assert name_practitioners(exam.request_id, {NamedAs.REQUESTING: ()})
    assert list(NamedPractitioner.objects.values_list("identifier", flat=True)) == ["BS-7"]


@pytest.fixture
def mail(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was handed to the mail server: to whom, what."""
    sent: list[tuple[str, str]] = []

    def hand_over(recipient: str, message: bytes, _settings: object) -> bytes:
        sent.append((recipient, message_from_bytes(message, policy=default).get_content()))
        return b"250 taken"

    quang = msgspec.structs.replace(
        django_settings.QUANG, mail=msgspec.structs.replace(django_settings.QUANG.mail, host="127.0.0.1")
    )
    monkeypatch.setattr(django_settings, "QUANG", quang)
    monkeypatch.setattr("ris_core.outbox.smtp.hand_over", hand_over)
    return sent


def test_who_is_named_is_told_once_without_a_word_of_whose_result_it_is(mail: list[tuple[str, str]]) -> None:
    hoa, silent = a_doctor(HOA, email="hoa@example.org"), a_doctor(PractitionerNumber("BS-1", "BVQ"))
    exams = [naming(HOA, PractitionerNumber("BS-1", "BVQ")) for _ in range(2)]
    reader = a_reader()
    approved(exams[0], reader, status=VersionStatus.PRELIMINARY)
    assert not ReferrerLetter.objects.exists()
    approved(exams[1], reader)
    approved(an_exam(), reader)
    letter = ReferrerLetter.objects.get()
    assert (letter.user, silent.email) == (hoa, "")
    LETTERS.attempt(letter.pk)
    LETTERS.attempt(letter.pk)
    [(recipient, text)] = mail
    assert recipient == "hoa@example.org"
    assert "/referred/" in text
    assert not any(word in text for word in (exams[1].patient.full_name, exams[1].request.accession_number))
    letter.refresh_from_db()
    assert letter.state == OutboxState.ACKNOWLEDGED
    approved(exams[1], reader, status=VersionStatus.CORRECTED)
    assert ReferrerLetter.objects.count() == 2


def test_two_results_of_one_doctor_at_the_same_moment_are_both_released(
    mail: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_doctor(HOA, email="hoa@example.org")
    first, second = (naming(HOA) for _ in range(2))
    approved(first, a_reader())
    ReferrerLetter.objects.update(state=OutboxState.ACKNOWLEDGED)  # the other one's was not there yet when we looked
    monkeypatch.setattr("ris_core.referrers.telling._last_number", lambda user: 0)
    assert approved(second, a_reader()).pk
    assert ReferrerLetter.objects.count() == 1


def test_a_result_that_is_held_back_is_told_of_when_it_is_let_go(mail: list[tuple[str, str]]) -> None:
    a_doctor(HOA, email="hoa@example.org")
    exam, reader = naming(HOA), a_reader()
    PaymentRule.objects.create(name="mọi ca", unknown_too=True)
    approved(exam, reader)
    assert not ReferrerLetter.objects.exists()
    release_hold(exam.pk, "đã nộp", reader)
    assert ReferrerLetter.objects.get().queued_at > timezone.now() - timedelta(minutes=5)
