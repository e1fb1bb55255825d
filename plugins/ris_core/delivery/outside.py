"""What may be shown of a report to people and systems outside: nothing that is recalled, nothing that is held back.

Every way out asks :func:`version_for_outside` at each look (links, launches, REST, FHIR), so that a recall and a
correction are followed at once by whatever opens later; nobody keeps a copy.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from ris_core.delivery.holding import has_open_hold
from ris_core.delivery.models import Receiver, ReturnHold
from ris_core.reports.models import ReportVersion
from ris_core.reports.recalling import is_recalled


def version_in_force(procedure_id: int) -> ReportVersion | None:
    """The newest approved version of the exam's report; none while there is none, or while it is recalled."""
    newest = _newest_version(procedure_id)
    return None if newest is None or is_recalled(newest) else newest


def version_for_outside(procedure_id: int) -> ReportVersion | None:
    """:func:`version_in_force`; none also while results of the exam are held back until it is paid for."""
    return None if has_open_hold(procedure_id) else version_in_force(procedure_id)


def report_is_recalled(procedure_id: int) -> bool:
    """Whether the exam's report has been withdrawn and not yet been corrected."""
    newest = _newest_version(procedure_id)
    return newest is not None and is_recalled(newest)


def is_switched_off(receiver_code: str) -> bool:
    """Whether the receiver of a link gets nothing any more: what was sent to it opens nothing either."""
    return Receiver.objects.filter(code=receiver_code, active=False).exists()


def held_readings() -> Q:
    """Of readings: those whose results are held back."""
    open_holds = ReturnHold.objects.filter(procedure=OuterRef("procedure"), released_at__isnull=True)
    return Q(Exists(open_holds))


def _newest_version(procedure_id: int) -> ReportVersion | None:
    return (
        ReportVersion.objects.filter(reading__procedure_id=procedure_id)
        .select_related("reading__procedure__request", "reading__procedure__patient", "approved_by")
        .order_by("-approved_at", "-number")
        .first()
    )
