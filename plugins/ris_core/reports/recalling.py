"""Recall (thu hồi): a version that has been approved counts no more, and everybody who has it is told."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.looks import report_recalled
from ris_core.delivery.services import owe_recall
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.arranging import arrange_in_study
from ris_core.reports.models import Reading, ReportRecall, ReportVersion
from ris_core.reports.rules import Verb, next_state

LONGEST_REASON = 255


@transaction.atomic
def recall(reading_id: int, version_number: int, reason: str, actor: Actor) -> ReportRecall:
    """Withdraw the newest version of a report, whether or not it has been returned.

    Who is correcting it goes on; else the reading is ``RECALLED`` and held by nobody. What comes next is a corrected
    version. Asking again changes nothing.

    :param version_number: the newest as the person saw it
    :raises NotFound: there is no such reading
    :raises InvalidValue: no reason is given, or it is longer than 255 characters
    :raises TransitionRefused: nothing is approved, or another version is the newest now
    """
    if actor.user_id is None:
        raise NotPermitted("only a person recalls a result", field="actor")
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidValue(f"say why it is recalled, in {LONGEST_REASON} characters at most", field="reason")
    procedure = RequestedProcedure.objects.select_for_update().filter(readings=reading_id).first()
    if procedure is None:
        raise NotFound("there is no such reading", field="reading")
    reading = Reading.objects.select_for_update().get(pk=reading_id)
    version = newest_version(reading)
    if version is None or version.number != version_number:
        raise TransitionRefused("another version is the newest now: look at it first", field="version")
    known = ReportRecall.objects.filter(version=version).first()
    if known is not None:
        return known
    state = next_state(reading.state, Verb.RECALL)
    made = ReportRecall.objects.create(
        version=version, reason=reason, recalled_by_id=actor.user_id, recalled_at=timezone.now()
    )
    if state != reading.state:
        reading.state, reading.claimed_by, reading.claimed_at = state, None, None
        reading.save()
    procedure.exam_state = ExamState.RECALLED
    procedure.save(update_fields=["exam_state", "updated_at"])
    owe_recall(made)
    report_recalled(procedure.pk)
    arrange_in_study(reading.pk)
    announce_event(Event.REPORT_RECALLED, procedure.pk)
    record(
        actor, "report.recalled", subject=f"reading:{reading.pk}", patient_id=procedure.patient_id,
        procedure=procedure.pk, version=version.number,
    )  # fmt: skip
    announce("exam", procedure.pk)
    return made


def newest_version(reading: Reading) -> ReportVersion | None:
    """The newest approved version of a reading, recalled or not."""
    return ReportVersion.objects.filter(reading=reading).order_by("-number").first()


def is_recalled(version: ReportVersion) -> bool:
    """Whether a version counts no more."""
    return ReportRecall.objects.filter(version=version).exists()
