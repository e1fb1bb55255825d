"""Results as an outbox: how one is composed and sent, and what follows when it has arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.delivery import services
from ris_core.delivery.composition import result_of
from ris_core.delivery.formats import format_of
from ris_core.delivery.holding import has_open_hold
from ris_core.delivery.models import Delivery, DeliveryState
from ris_core.delivery.signed import signature_in_force, waits_for_signature
from ris_core.errors import NotFound
from ris_core.jobs.services import is_under_way
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.outbox.sending import Outbox
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import Document, ReportVersion, VersionStatus
from ris_core.settings import Settings


class Results(Outbox[Delivery]):
    """Versions of one reading go to one receiver in order."""

    name: ClassVar = "delivery"
    job_kind: ClassVar = services.JOB_KIND

    def entries(self) -> QuerySet[Delivery]:
        return Delivery.objects.select_related("receiver", "version__reading__procedure")

    def order(self, entry: Delivery) -> QuerySet[Delivery]:
        return Delivery.objects.filter(receiver_id=entry.receiver_id, reading_id=entry.reading_id)

    def lane(self, entry: Delivery) -> str:
        return services.lane(entry)

    def channel(self, entry: Delivery) -> str:
        return services.channel(entry)

    def receiver_is_active(self, entry: Delivery) -> bool:
        return entry.receiver.active

    def compose(self, entry: Delivery, now: datetime, settings: Settings) -> bytes | None:
        if entry.kind == Delivery.Kind.RECALL:
            return _composed(entry, now, settings)
        entry.composed_with = signature_in_force(entry.version_id)
        made = Document.objects.filter(version_id=entry.version_id).exists()
        if not made and is_under_way("render_document", entry.version_id):
            return None  # that job has it sent when it ends, well or badly
        ensure_document(entry.version_id)
        return _composed(entry, now, settings)

    def exchange(self, entry: Delivery, message: bytes, settings: Settings) -> bytes:
        return format_of(entry.receiver).exchange(entry.receiver, entry.control_id, message, settings)

    def locked(self, entry_id: int) -> Delivery:
        # the exam first, as approving does
        if not RequestedProcedure.objects.select_for_update().filter(readings__deliveries=entry_id):
            raise NotFound("there is no such delivery", field="delivery")
        return Delivery.objects.select_for_update().get(pk=entry_id)

    def facts(self, entry: Delivery) -> dict[str, Any]:
        return services.facts(entry)

    def is_held(self, entry: Delivery) -> bool:
        """Until it is paid for, and signed for whom it must be; a recall goes out always."""
        if entry.kind == Delivery.Kind.RECALL:
            return False
        return has_open_hold(entry.reading.procedure_id) or waits_for_signature(entry)

    def kept(self, entry: Delivery, composed: Delivery) -> bool:
        """Not with the files of a signature that was made or withdrawn meanwhile."""
        recall = entry.kind == Delivery.Kind.RECALL
        return recall or composed.composed_with == signature_in_force(entry.version_id)

    def settled(self, entry: Delivery) -> None:
        """The exam counts as returned when all who are owed the newest version have it, and none was told since that
        it is void."""
        newest = ReportVersion.objects.filter(reading_id=entry.reading_id).order_by("-number").first()
        if newest is None or newest.status == VersionStatus.PRELIMINARY or services.void_results(newest.pk).exists():
            return
        states = set(Delivery.objects.filter(version=newest, kind=Delivery.Kind.RESULT).values_list("state", flat=True))
        if DeliveryState.ACKNOWLEDGED in states and states <= {DeliveryState.ACKNOWLEDGED, DeliveryState.DISMISSED}:
            procedure_id = entry.reading.procedure_id
            changed = RequestedProcedure.objects.filter(pk=procedure_id, exam_state=ExamState.FINAL).update(
                exam_state=ExamState.RETURNED, updated_at=timezone.now()
            )
            if changed:
                announce("exam", procedure_id)


def _composed(entry: Delivery, now: datetime, settings: Settings) -> bytes:
    return format_of(entry.receiver).compose(result_of(entry, now, settings), entry.receiver)


RESULTS = Results()


def run_deliver(subject_id: str) -> None:
    """The job ``deliver``."""
    RESULTS.attempt(int(subject_id))


def after_delivery_job_died(subject_id: str, error: str) -> None:
    """See :meth:`Outbox.job_died`."""
    RESULTS.job_died(int(subject_id), error)
