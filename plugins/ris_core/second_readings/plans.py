"""Which reading of an exam is due, made from the rules when its first reader opens it."""

from __future__ import annotations

from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.errors import ReadAlready, ReadingsOutstanding
from ris_core.reports.models import Reading, ReadingState
from ris_core.second_readings.models import DraftKnown, Opinion, ReadingPlan, ReadingRule
from ris_core.second_readings.rules import REPORT_ORDINAL, Progress, Rule, rule_for


def progress_of(procedure_id: int) -> Progress | None:
    """How far an exam that several read has come; none when one reader is enough, or nobody has opened it yet."""
    plan = ReadingPlan.objects.filter(procedure_id=procedure_id).first()
    if plan is None:
        return None
    return Progress(plan.readings, plan.blinded, Opinion.objects.filter(procedure_id=procedure_id).count())


def due_reading(procedure: RequestedProcedure) -> Reading:
    """The reading of ``procedure`` whose turn it is, made when it is not there; plans the readings before the first."""
    report, _ = Reading.objects.get_or_create(procedure=procedure, ordinal=REPORT_ORDINAL)
    if report.state == ReadingState.UNREAD and procedure.exam_state == ExamState.READY_TO_READ:
        _plan(procedure)
    progress = progress_of(procedure.pk)
    if progress is None or progress.due_ordinal == REPORT_ORDINAL:
        return report
    return Reading.objects.get_or_create(procedure=procedure, ordinal=progress.due_ordinal)[0]


def shown_reading(procedure_id: int, user_id: int) -> Reading | None:
    """The reading that is ``user_id``'s concern: the one that they hold, else the one whose turn it is."""
    readings = {
        each.ordinal: each for each in Reading.objects.select_related("claimed_by").filter(procedure_id=procedure_id)
    }
    for ordinal in sorted(readings):
        if readings[ordinal].claimed_by_id == user_id:
            return readings[ordinal]
    progress = progress_of(procedure_id) if readings else None
    return readings.get(progress.due_ordinal if progress else REPORT_ORDINAL)


def has_read(reading: Reading, user_id: int) -> bool:
    """Whether the user has concluded another reading of the same exam, or knows a blinded one's draft."""
    of_exam = {"reading__procedure_id": reading.procedure_id}
    concluded = Opinion.objects.filter(reader_id=user_id, **of_exam).exclude(reading=reading)
    known = DraftKnown.objects.filter(user_id=user_id, **of_exam).exclude(reading=reading)
    return concluded.exists() or known.exists()


def refuse_reader_of_before(reading: Reading, user_id: int) -> None:
    """:raises ReadAlready: the user has concluded another reading of the same exam, or knows a blinded one's draft"""
    if has_read(reading, user_id):
        raise ReadAlready("each reading of an exam is another reader's", field="reader")


def refuse_unless_due(reading: Reading) -> None:
    """:raises ReadingsOutstanding: another reading comes first"""
    progress = progress_of(reading.procedure_id)
    if progress is not None and progress.due_ordinal != reading.ordinal:
        raise ReadingsOutstanding("another reading of the exam comes first", field="ordinal")


def refuse_report_before_opinions(reading: Reading) -> None:
    """:raises ReadingsOutstanding: opinions are missing that the report needs, or the reading is no report"""
    progress = progress_of(reading.procedure_id)
    if progress is None:
        return
    if reading.ordinal != REPORT_ORDINAL or not progress.report_may_be_approved:
        raise ReadingsOutstanding("conclude the readings before the report", field="ordinal")


def _plan(procedure: RequestedProcedure) -> None:
    rules = [
        Rule(*values) for values in ReadingRule.objects.values_list("modality", "service_code", "readings", "blinded")
    ]
    rule = rule_for(rules, modality=procedure.modality, service_code=procedure.service_code)
    if rule is not None:
        ReadingPlan.objects.get_or_create(
            procedure=procedure, defaults={"readings": rule.readings, "blinded": rule.blinded}
        )
