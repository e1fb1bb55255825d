"""Images that are looked at from the portal, and which of these looks are over: part of reading ended grants."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ris_core.access.tokens import portal_grant
from ris_core.portal.models import ImagesLook, PortalSlip, PortalVisit
from ris_core.portal.releasing import exams_of, is_as_proven, is_in_force, patient_of, results_of
from ris_core.sharing.lineage import line_of
from ris_core.sharing.models import Share


def begin_look(
    exam_id: int, slip: PortalSlip, until: datetime, *, visit: PortalVisit | None = None, share: Share | None = None
) -> ImagesLook:
    """Somebody is given a token for the images of an exam until then."""
    return ImagesLook.objects.create(
        procedure_id=exam_id,
        slip=slip,
        visit=visit,
        share=share,
        share_revision=share.revision if share else 0,
        expires_at=until,
    )


def images_taken_from(exam_id: int) -> None:
    """Images are no longer the exam's, in the caller's transaction: who looks must open them again."""
    now = timezone.now()
    ImagesLook.objects.filter(procedure_id=exam_id, expires_at__gt=now, ended_at__isnull=True).update(ended_at=now)


def ended_looks(now: datetime) -> list[str]:
    """Grants of tokens that have not expired and permit nothing any more."""
    lasting = Q(expires_at__gt=now - timedelta(minutes=1))
    looks = list(ImagesLook.objects.filter(lasting).select_related("slip", "visit__slip", "share__patients__consent"))
    if not looks:
        return []
    slips = {look.slip_id: look.slip for look in looks}
    shown: dict[int, set[int]] = {}
    for key, slip in slips.items():
        wanted = {look.procedure_id for look in looks if look.slip_id == key}
        shown[key] = _shown(slip, wanted, now)
    return [portal_grant(look.pk) for look in looks if not _goes_on(look, shown[look.slip_id], now)]


def visit_goes_on(visit: PortalVisit, now: datetime) -> bool:
    """Whether somebody may still act in it, as far as the visit itself says."""
    portal = settings.QUANG.portal
    return (
        visit.ended_at is None
        and visit.used_at >= now - timedelta(minutes=portal.session_idle_minutes)
        and visit.began_at >= now - timedelta(hours=portal.session_hours)
    )


def share_goes_on(share: Share, now: datetime) -> bool:
    """Whether a patient's share still shows anything: it, the consent under which it was made, and the portal."""
    line = line_of(share)
    stands = all(each.revoked_at is None and each.expires_at > now for each in line)
    return stands and line[-1].patients.consent.withdrawn_at is None and bool(settings.QUANG.portal.enabled)


def _goes_on(look: ImagesLook, shown: set[int], now: datetime) -> bool:
    if look.ended_at is not None or look.procedure_id not in shown:
        return False
    if look.share is not None:
        return share_goes_on(look.share, now) and look.share.revision == look.share_revision
    return look.visit is not None and visit_goes_on(look.visit, now) and is_as_proven(look.visit)


def _shown(slip: PortalSlip, exam_ids: set[int], now: datetime) -> set[int]:
    """Those of the exams whose images the slip shows now."""
    patient_id = patient_of(slip) if is_in_force(slip, now) else None
    if patient_id is None or not settings.QUANG.portal.enabled:
        return set()
    exams = list(exams_of(slip, patient_id).filter(pk__in=exam_ids))
    return {result.exam.pk for result in results_of(exams, now) if result.is_ready and result.with_images}
