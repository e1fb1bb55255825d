"""Exams of shares of which nothing is shown any more, because of whose they have become (R10, P6).

Asked at each look, so that nothing has to remember it. Whoever shares chooses a patient's exam, not a row: an exam that
went to another patient (a merge undone, a visit moved) is withheld. One that a merge has brought to another record of
the same person stays: the record it was shared of leads to the one that has it now, and their birth dates do not
contradict. Records that a merge calls one person's though they were born on different days are withheld until
somebody shares anew; so is a patient whose birth date has been made another's.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from django.conf import settings

from ris_core.patients.rules import birth_dates_agree
from ris_core.patients.survivors import survivor_of
from ris_core.sharing.models import Share, SharedExam
from ris_core.sight.models import ConfidentialPatient


class Withheld(StrEnum):
    """Why nothing of an exam is shown."""

    ANOTHER_PATIENT = "ANOTHER_PATIENT"
    CONFIDENTIAL = "CONFIDENTIAL"


def withheld_of(share: Share) -> dict[int, Withheld]:
    """By exam."""
    return {row.procedure_id: why for row, why in withheld_among(share.exams.select_related("procedure__patient"))}


def shown_rows(share: Share) -> list[SharedExam]:
    """The exams that are not withheld."""
    rows = list(share.exams.select_related("procedure__patient", "procedure__request").order_by("pk"))
    withheld = {row.pk for row, _why in withheld_among(rows)}
    return [row for row in rows if row.pk not in withheld]


def withheld_among(rows: Iterable[SharedExam]) -> list[tuple[SharedExam, Withheld]]:
    """Those of which nothing is shown, and why.

    :param rows: with their exams' patients
    """
    shared = list(rows)
    confidential = confidential_among(row.procedure.patient_id for row in shared)
    reasons = ((row, _reason(row, confidential)) for row in shared)
    return [(row, why) for row, why in reasons if why is not None]


def confidential_among(patient_ids: Iterable[int]) -> frozenset[int]:
    """Those who are confidential."""
    marks = ConfidentialPatient.objects.filter(patient__in=set(patient_ids))
    return frozenset(marks.values_list("patient_id", flat=True))


def may_be_asked(why: Withheld) -> bool:
    """Whether somebody who sees the patient may let the exam go on."""
    return why is Withheld.CONFIDENTIAL and settings.QUANG.sharing.confidential_later == "ask"


def _reason(row: SharedExam, confidential: frozenset[int]) -> Withheld | None:
    holder = row.procedure.patient
    if row.patient_id != holder.pk and survivor_of(row.patient_id) != holder.pk:
        return Withheld.ANOTHER_PATIENT
    if not birth_dates_agree(row.birth_date, holder.birth_date):
        return Withheld.ANOTHER_PATIENT
    return Withheld.CONFIDENTIAL if holder.pk in confidential and not row.confidential_known else None
