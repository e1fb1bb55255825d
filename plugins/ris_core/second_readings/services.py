"""Use cases of exams that several read: conclude an opinion, judge it, set the rules. One transaction each."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.checks import flaws_of
from ris_core.reports.errors import ConclusionMissing, ReportIncomplete
from ris_core.reports.holding import (
    locked,
    person,
    refuse_unless_held,
    refuse_unless_may,
    refuse_unless_ready,
    set_exam_state,
    tell,
)
from ris_core.reports.models import Reading
from ris_core.reports.rules import Verb, next_state
from ris_core.reports.services import refuse_other_revision
from ris_core.reports.texts import content_of
from ris_core.second_readings.models import Agreement, Opinion, ReadingRule
from ris_core.second_readings.plans import progress_of, refuse_unless_due
from ris_core.second_readings.rules import FEWEST_READINGS, MOST_READINGS, REPORT_ORDINAL


@transaction.atomic
def conclude(reading_id: int, revision: int, actor: Actor) -> Opinion:
    """Keep the saved draft of ``revision`` as the actor's opinion, for good; the next reader's turn comes.

    The last of blinded readers goes on holding the report, and sees the others' opinions from now on.

    :raises TransitionRefused: one reader is enough for this exam, or the opinion is concluded already
    :raises ConclusionMissing, ReportIncomplete, DraftConflict, AlreadyClaimed, ReadingsOutstanding: nothing is changed
    """
    procedure, reading = locked(reading_id)
    user_id = person(actor)
    refuse_unless_held(reading, user_id)
    refuse_unless_may(user_id, Function.APPROVE_PRELIMINARY)
    refuse_other_revision(reading, revision)
    refuse_unless_ready(procedure, correcting=False)
    refuse_unless_due(reading)
    progress = progress_of(procedure.pk)
    if progress is None or progress.report_may_be_approved:
        raise TransitionRefused("there is no opinion to conclude: approve the report", field="state")
    content = content_of(reading)
    if not reading.conclusion.strip():
        raise ConclusionMissing("write a conclusion first", field="conclusion")
    if flaws := flaws_of(content):
        raise ReportIncomplete(flaws)
    opinion = Opinion.objects.create(
        procedure=procedure,
        reading=reading,
        position=progress.position,
        reader_id=user_id,
        content=content.as_json(),
        plain_text=reading.plain_text,
        content_sha256=hashlib.sha256(content.canonical_bytes()).hexdigest(),
        concluded_at=timezone.now(),
    )
    if reading.ordinal != REPORT_ORDINAL:
        reading.state = next_state(reading.state, Verb.CONCLUDE)
        reading.claimed_by = reading.claimed_at = reading.active_at = None
        reading.save()
        set_exam_state(procedure, ExamState.READY_TO_READ)
        Reading.objects.get_or_create(
            procedure=procedure, ordinal=progress._replace(concluded=progress.concluded + 1).due_ordinal
        )
    tell(
        procedure, reading, actor, "reading.concluded",
        position=opinion.position, content_sha256=opinion.content_sha256,
    )  # fmt: skip
    return opinion


@transaction.atomic
def judge(opinion_id: int, agreement: str, actor: Actor) -> Opinion:
    """The final reader says how far an earlier opinion agrees with theirs; may be said anew.

    :raises NotFound: there is no such opinion, or the actor may not see it yet
    :raises NotPermitted: the actor neither holds the report nor approved it, or it is their own opinion
    """
    procedure = RequestedProcedure.objects.select_for_update().filter(opinions=opinion_id).first()
    progress = progress_of(procedure.pk) if procedure else None
    if procedure is None or progress is None or not progress.opinions_are_open:
        raise NotFound("there is no such opinion", field="opinion")
    opinion = Opinion.objects.select_for_update().get(pk=opinion_id)
    user_id = person(actor)
    refuse_unless_may(user_id, Function.APPROVE_REPORT)
    report = Reading.objects.get(procedure=procedure, ordinal=REPORT_ORDINAL)
    final = report.claimed_by_id == user_id or report.versions.filter(approved_by_id=user_id).exists()
    if not final or opinion.reader_id == user_id:
        raise NotPermitted("opinions are judged by the final reader", field="opinion")
    if agreement not in Agreement.values:
        raise InvalidValue("an opinion agrees, or differs little or much", field="agreement")
    opinion.agreement, opinion.judged_by_id, opinion.judged_at = agreement, user_id, timezone.now()
    opinion.save(update_fields=["agreement", "judged_by", "judged_at"])
    record(
        actor, "opinion.judged", subject=f"opinion:{opinion.pk}", patient_id=procedure.patient_id,
        procedure=procedure.pk, agreement=agreement,
    )  # fmt: skip
    announce("exam", procedure.pk)
    return opinion


def agreement_counts(since: datetime, until: datetime) -> dict[str, int]:
    """How many opinions concluded from ``since`` to before ``until`` agree, by agreement; not judged: empty text."""
    judged = Opinion.objects.filter(concluded_at__gte=since, concluded_at__lt=until).exclude(
        reading__ordinal=REPORT_ORDINAL
    )
    return dict(judged.order_by("agreement").values_list("agreement").annotate(Count("pk")))


@transaction.atomic
def set_rule(actor: Actor, *, modality: str, service_code: str, readings: int, blinded: bool) -> ReadingRule:
    """Exams of these conditions that nobody has opened yet are read by ``readings`` readers.

    :raises InvalidValue: no sensible number of readers
    """
    if not FEWEST_READINGS <= readings <= MOST_READINGS:
        raise InvalidValue(f"{FEWEST_READINGS} or {MOST_READINGS} readers", field="readings")
    rule, _ = ReadingRule.objects.update_or_create(
        modality=modality.upper(), service_code=service_code, defaults={"readings": readings, "blinded": blinded}
    )
    record(
        actor, "reading_rule.set", subject=f"reading_rule:{rule.pk}", modality=rule.modality,
        service_code=service_code, readings=readings, blinded=blinded,
    )  # fmt: skip
    return rule


@transaction.atomic
def remove_rule(rule_id: int, actor: Actor) -> None:
    """Exams that nobody has opened yet are read by one reader again.

    :raises NotFound: it is gone already
    """
    if not ReadingRule.objects.filter(pk=rule_id).delete()[0]:
        raise NotFound("there is no such rule", field="rule")
    record(actor, "reading_rule.removed", subject=f"reading_rule:{rule_id}")
