"""A patient at the portal's door: code, birth date, one-time code; and the visit that opens, at each look.

Every try is written down before anything is looked up, and counted with all others: of this code, from this address, in
all. A code that does not exist goes the same way as one that does, up to the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NoReturn

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.letters.codes import good_code
from ris_core.letters.numbers import is_phone_number
from ris_core.patients.models import Patient
from ris_core.portal.errors import PortalInvalid, PortalRefused, PortalTriedTooOften
from ris_core.portal.looks import visit_goes_on
from ris_core.portal.models import EntryAttempt, PortalSlip, PortalVisit
from ris_core.portal.releasing import identity_of, is_as_proven, is_in_force, patient_of
from ris_core.portal.rules import TRIED_WITHIN, WRONG_TRIES_A_DAY, Over, is_born, too_many, typed_slip_code
from ris_core.portal.secrets import entry_code_digest, slip_digest, slip_digests
from ris_core.portal.telling import send_code
from ris_core.sharing.secrets import digest_of, is_key, new_key

_NOBODY: Final = "anonymous"
_NOTED: Final = timedelta(minutes=1)
"""How exactly the last use of a visit is kept."""
_FORGOTTEN: Final = timedelta(days=2)
_NO_SLIP: Final = PortalSlip(patient_id=0)
"""So that as much is asked of the database for a code that does not exist as for one that does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What somebody shows who would enter."""

    code: str
    birth_date: str
    """``YYYY[MM[DD]]``."""
    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody is in, or has to give the code that was sent."""

    visit: PortalVisit
    key: str
    """For the browser to keep."""

    @property
    def is_open(self) -> bool:
        return self.visit.opened_at is not None


def asks_for_code(patient: Patient) -> bool:
    """Whether a one-time code is sent to the patient's telephone besides."""
    return bool(settings.QUANG.portal.sms_code) and is_phone_number(patient.phone)


def visitor(visit: PortalVisit, address: str) -> Actor:
    """Who looks, as the audit trail names them."""
    return Actor(f"patient:{visit.patient_id}", address=address, kind=ActorKind.PATIENT)


def enter(knock: Knock) -> Entered:
    """Open a visit, or one that waits for the code that was sent to the patient's telephone.

    :raises PortalInvalid: field ``code``: what was typed can be no code; nothing was looked up
    :raises PortalRefused: it does not open
    :raises PortalTriedTooOften: nothing was looked at
    """
    code = typed_slip_code(knock.code)
    if code is None:
        raise PortalInvalid("this is no code: a character is wrong or missing", field="code")
    digest = slip_digest(code)
    attempt, is_locked = _counted(digest, knock.address)
    slip = PortalSlip.objects.filter(digest__in=slip_digests(code)).first()
    patient = Patient.objects.filter(pk=patient_of(slip or _NO_SLIP) or 0).first()
    with transaction.atomic():
        outcome = _outcome(slip, patient, knock, None if is_locked else attempt)
    if isinstance(outcome, str):
        _refuse(slip, patient, knock.address, outcome)
    return outcome


def give_code(key: str, typed: str, address: str) -> Entered:
    """The code that was sent: the visit opens, under another key.

    :raises PortalRefused: it is another, too old, or nothing waits for one
    :raises PortalTriedTooOften: nothing was looked at
    """
    now = timezone.now()
    visit = _visit(key)
    if visit is None or visit.opened_at is not None or not _is_alive(visit, now):
        raise PortalRefused("nothing waits for a code here")
    attempt, is_locked = _counted(visit.slip.digest, address)
    with transaction.atomic():
        locked = PortalVisit.objects.select_for_update().select_related("slip").get(pk=visit.pk)
        unused = locked.codes.filter(used_at__isnull=True).order_by("-sent_at", "-pk")
        digest = entry_code_digest(locked.pk, typed.strip())
        good = locked.opened_at is None and good_code(unused.values_list("digest", "sent_at")[:1], digest, now)
        if good and not is_locked:
            _succeeds(attempt)
            unused.update(used_at=now)
            fresh = new_key()
            locked.digest, locked.opened_at, locked.used_at = digest_of(fresh), now, now
            locked.save(update_fields=["digest", "opened_at", "used_at"])
            _tell_entered(locked, address)
            return Entered(locked, fresh)
    return _refuse(visit.slip, visit.patient, address, "wrong one-time code")


def visit_with(key: str) -> PortalVisit:
    """The visit of a browser, while it may go on; that it is used is noted.

    :raises PortalRefused: there is none, or no longer
    """
    now = timezone.now()
    visit = _visit(key)
    if visit is None or visit.opened_at is None or not _is_alive(visit, now):
        raise PortalRefused("there is no visit, or it is over")
    if now - visit.used_at > _NOTED:
        visit.used_at = now
        visit.save(update_fields=["used_at"])
    return visit


def waits_for_code(key: str) -> bool:
    """Whether the browser has only to give the code that was sent."""
    visit = _visit(key)
    return visit is not None and visit.opened_at is None and _is_alive(visit, timezone.now())


@transaction.atomic
def leave(visit: PortalVisit, address: str) -> None:
    """Log out; pages shut at once, images within seconds."""
    PortalVisit.objects.filter(pk=visit.pk, ended_at__isnull=True).update(ended_at=timezone.now())
    record(visitor(visit, address), "portal.left", subject=f"portal_slip:{visit.slip_id}", patient_id=visit.patient_id)


def ends_at(visit: PortalVisit) -> datetime:
    """The latest end of what it opens, when it is not used again."""
    portal = settings.QUANG.portal
    return min(
        visit.began_at + timedelta(hours=portal.session_hours),
        timezone.now() + timedelta(minutes=portal.session_idle_minutes),
        visit.slip.expires_at,
    )


def _outcome(
    slip: PortalSlip | None, patient: Patient | None, knock: Knock, attempt: EntryAttempt | None
) -> Entered | str:
    """The visit, or why not: for the audit trail.

    :param attempt: none: the code is locked
    """
    born = is_born(knock.birth_date, patient.birth_date if patient else "")
    if slip is None:
        return "unknown code"
    if not settings.QUANG.portal.enabled:
        return "the portal is shut"
    if not is_in_force(slip, timezone.now()):
        return "the slip is over or withdrawn"
    if patient is None:
        return "the patient is confidential"
    coded = asks_for_code(patient)
    if not born and (patient.birth_date or not coded):
        return "another birth date" if patient.birth_date else "no second factor is known"
    if attempt is None:
        return "too many wrong tries"
    _succeeds(attempt)
    now, key = timezone.now(), new_key()
    visit = PortalVisit.objects.create(
        slip=slip,
        patient=patient,
        proven=identity_of(patient),
        digest=digest_of(key),
        began_at=now,
        opened_at=None if coded else now,
        used_at=now,
        address=knock.address[:64],
        browser=knock.browser[:200],
    )
    if coded and not send_code(visit, patient.phone, visitor(visit, knock.address)):
        visit.delete()
        return "too many one-time codes"
    if not coded:
        _tell_entered(visit, knock.address)
    return Entered(visit, key)


def _counted(digest: str, address: str) -> tuple[EntryAttempt, bool]:
    """Write down that somebody tries; and whether the code is locked by wrong tries before.

    :raises PortalTriedTooOften: from this address, or in all, too often
    """
    address = address[:64]
    if _over(digest, address, besides=1) in (Over.ADDRESS, Over.ALL):
        raise PortalTriedTooOften("too many wrong codes; later again")
    attempt = EntryAttempt.objects.create(digest=digest, address=address, at=timezone.now())
    over = _over(digest, address)
    if over in (Over.ADDRESS, Over.ALL):
        raise PortalTriedTooOften("too many wrong codes; later again")
    return attempt, over is not None


def _over(digest: str, address: str, besides: int = 0) -> Over | None:
    """Of which limit there are too many wrong tries now.

    :param besides: tries that are not written down yet
    """
    portal = settings.QUANG.portal
    wrong = EntryAttempt.objects.filter(at__gt=timezone.now() - TRIED_WITHIN, succeeded=False)
    day = EntryAttempt.objects.filter(digest=digest, at__gt=timezone.now() - timedelta(days=1), succeeded=False)
    over = too_many(
        wrong.filter(digest=digest).count() + besides,
        wrong.filter(address=address).count() + besides,
        wrong.count() + besides,
        most_of_address=portal.most_wrong_of_address,
        most_in_all=portal.most_wrong_in_all,
    )
    over_the_day = day.count() + besides > WRONG_TRIES_A_DAY  # asked always: every answer takes as long
    return over or (Over.CODE if over_the_day else None)


def _succeeds(attempt: EntryAttempt) -> None:
    """What was shown is right: it counts no more."""
    attempt.succeeded = True
    attempt.save(update_fields=["succeeded"])
    EntryAttempt.objects.filter(at__lt=timezone.now() - _FORGOTTEN).delete()


def _visit(key: str) -> PortalVisit | None:
    found = PortalVisit.objects.select_related("slip", "patient").filter(digest=digest_of(key))
    return found.first() if is_key(key) else None


def _is_alive(visit: PortalVisit, now: datetime) -> bool:
    return (
        bool(settings.QUANG.portal.enabled)
        and visit_goes_on(visit, now)
        and is_in_force(visit.slip, now)
        and is_as_proven(visit)
    )


def _tell_entered(visit: PortalVisit, address: str) -> None:
    actor = visitor(visit, address)
    record(actor, "portal.entered", subject=f"portal_slip:{visit.slip_id}", patient_id=visit.patient_id)
    announce("portal", visit.slip_id)


def _refuse(slip: PortalSlip | None, patient: Patient | None, address: str, reason: str) -> NoReturn:
    record(
        Actor(_NOBODY, address=address, kind=ActorKind.ANYBODY),
        "portal.refused",
        subject=f"portal_slip:{slip.pk}" if slip else "",
        patient_id=patient.pk if patient else None,
        success=False,
        reason=reason,
    )
    raise PortalRefused("the portal does not open")
