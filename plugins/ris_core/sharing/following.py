"""What becomes of shares when their exams change elsewhere (R10, P6); in the transaction of who changes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from ris_core.access.ended_grants import end_grants
from ris_core.access.tokens import share_grant
from ris_core.audit.services import SYSTEM, record
from ris_core.changes.services import announce
from ris_core.notices.services import notify
from ris_core.sharing.lineage import locked
from ris_core.sharing.models import Share, SharedExam
from ris_core.sharing.withholding import withheld_among


def images_taken_from(exam_id: int) -> None:
    """Images are no longer the exam's: viewers that shares of it have opened load nothing
    more. The pages of the shares stay open, and show what the exam has now."""
    for share in _living_with(SharedExam.objects.filter(procedure_id=exam_id)):
        _end_viewers(share)


def patients_changed(patient_ids: Iterable[int]) -> None:
    """Records were merged, separated, corrected, made confidential, or exams went from one to another. Of
    exams that are withheld now viewers load nothing more, and whoever shares is told."""
    rows = SharedExam.objects.filter(procedure__patient__in=set(patient_ids))
    shares = {share.pk: share for share in _living_with(rows)}
    shared = list(rows.filter(share__in=shares).select_related("procedure__patient").order_by("share_id", "pk"))
    withheld = {row.pk: why for row, why in withheld_among(shared)}
    SharedExam.objects.filter(pk__in=[row.pk for row in shared if row.pk not in withheld]).update(withheld_at=None)
    told = [row for row in shared if row.pk in withheld and row.withheld_at is None]
    SharedExam.objects.filter(pk__in=[row.pk for row in told]).update(withheld_at=timezone.now())
    for share_id in {row.share_id for row in told}:
        _end_viewers(shares[share_id])
        announce("share", share_id)
    for row in told:
        facts: dict[str, Any] = {"exam": row.procedure_id, "why": withheld[row.pk].value}
        record(SYSTEM, "share.withheld", subject=f"share:{row.share_id}", patient_id=row.patient_id, **facts)
        notify("share.withheld", procedure_id=row.procedure_id)


def _living_with(exams: QuerySet[SharedExam]) -> list[Share]:
    """Shares of these that have not ended, locked."""
    shares = Share.objects.filter(pk__in=exams.values("share_id"), revoked_at=None, expires_at__gt=timezone.now())
    return locked(shares)


def _end_viewers(share: Share) -> None:
    """Viewers that it has opened load nothing more; its pages stay open."""
    end_grants([share_grant(share.pk, share.revision)])
    share.revision += 1
    share.save(update_fields=["revision"])
