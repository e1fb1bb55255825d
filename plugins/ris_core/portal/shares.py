"""A patient shows results to somebody else: consent, a share under the patient's own rules, its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import NotFound
from ris_core.portal.consent import CURRENT
from ris_core.portal.errors import PortalInvalid
from ris_core.portal.looks import share_goes_on
from ris_core.portal.models import PatientShare, PortalConsent, PortalSlip, PortalVisit
from ris_core.portal.releasing import Result, results_of_slip
from ris_core.sharing.lineage import root_of
from ris_core.sharing.models import Share
from ris_core.sharing.rules import Terms
from ris_core.sharing.services import make_share, revoke_share


@transaction.atomic
def share_own(
    visit: PortalVisit,
    exam_ids: Iterable[int],
    receiver: str,
    days: int,
    actor: Actor,
    *,
    agreed_to: str,
    language: str,
    may_pass_on: bool = False,
) -> tuple[Share, str]:
    """A link to results that the patient sees, and the secret of it, kept nowhere.

    :param agreed_to: version of the text that the patient has agreed to
    :raises PortalInvalid: ``field`` names what cannot be: ``sharing``, ``consent``, ``exams``, ``days``
    :raises ShareInvalid: as :func:`make_share`
    """
    portal = settings.QUANG.portal
    if not portal.patients_share:
        raise PortalInvalid("patients share nothing here", field="sharing")
    if agreed_to != CURRENT:
        raise PortalInvalid("agree to the present text first", field="consent")
    if not 1 <= days <= portal.share_days:
        raise PortalInvalid(f"a patient's share lasts 1 to {portal.share_days} days", field="days")
    slip = PortalSlip.objects.select_for_update(of=("self",)).get(pk=visit.slip_id)
    wanted = set(exam_ids)
    shown = {result.exam.pk for result in results_of_slip(slip) if result.is_ready}
    if not wanted or not wanted <= shown:
        raise PortalInvalid("choose results that are open to you", field="exams")
    consent = PortalConsent.objects.filter(slip=slip, withdrawn_at__isnull=True).first()
    if consent is not None and consent.text_version != CURRENT:
        _end_consent(consent, visit, actor)
        consent = None
    if consent is None:
        consent = PortalConsent.objects.create(
            slip=slip, text_version=CURRENT, language=language[:2], given_at=timezone.now()
        )
        record(
            actor, "portal.consent_given", subject=f"portal_slip:{slip.pk}", patient_id=visit.patient_id,
            text_version=CURRENT, language=language[:2],
        )  # fmt: skip
    terms = Terms(
        receiver=receiver,
        exam_ids=tuple(wanted),
        expires_at=timezone.now() + timedelta(days=days),
        may_pass_on=may_pass_on,
        watermark=settings.QUANG.sharing.watermark != "off",
    )
    share, secret = make_share(terms, actor)
    PatientShare.objects.create(share=share, slip=slip, consent=consent)
    return share, secret


def own_shares(visit: PortalVisit) -> QuerySet[Share]:
    """What was shared with this slip, the newest first."""
    return Share.objects.filter(patients__slip_id=visit.slip_id).order_by("-created_at", "-pk")


def consent_of(visit: PortalVisit) -> PortalConsent | None:
    """The consent in force."""
    return PortalConsent.objects.filter(slip_id=visit.slip_id, withdrawn_at__isnull=True).first()


def revoke_own(visit: PortalVisit, share_id: int, actor: Actor) -> Share:
    """:raises NotFound: no such share of one's own
    :raises TransitionRefused: it is revoked already"""
    if not own_shares(visit).filter(pk=share_id).exists():
        raise NotFound("there is no such share of yours", field="share")
    return revoke_share(share_id, actor)


@transaction.atomic
def withdraw_consent(visit: PortalVisit, actor: Actor) -> None:
    """The patient takes the consent back: everything shared under it shuts. Taking back what was taken back changes
    nothing."""
    consent = PortalConsent.objects.select_for_update().filter(slip_id=visit.slip_id, withdrawn_at__isnull=True).first()
    if consent is not None:
        _end_consent(consent, visit, actor)


def shown_in(share: Share) -> dict[int, Result] | None:
    """What a patient's share shows now, by exam: what the patient sees; none for a share of somebody else's."""
    made = PatientShare.objects.select_related("slip", "consent").filter(share=root_of(share)).first()
    if made is None:
        return None
    if not share_goes_on(share, timezone.now()):
        return {}
    ids = set(share.exams.values_list("procedure_id", flat=True))
    return {
        result.exam.pk: result for result in results_of_slip(made.slip) if result.is_ready and result.exam.pk in ids
    }


def _end_consent(consent: PortalConsent, visit: PortalVisit, actor: Actor) -> None:
    consent.withdrawn_at = timezone.now()
    consent.save(update_fields=["withdrawn_at"])
    for made in consent.shares.filter(share__revoked_at__isnull=True):
        revoke_share(made.share_id, actor)
    record(
        actor, "portal.consent_withdrawn", subject=f"portal_slip:{consent.slip_id}", patient_id=visit.patient_id,
        text_version=consent.text_version,
    )  # fmt: skip
