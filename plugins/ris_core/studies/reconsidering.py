"""Studies in the queue whose order has come since, or whose patient has become known: they are looked at again.

Only what is new is compared with what waits, by the few things that a link needs one of: a number, the name, the birth
date. So a sweep costs what has happened since the last one, however many orders there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from ris_core.matching import patient_ids
from ris_core.matching.policy import KEY_TAGS
from ris_core.names import folded_words
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.studies.models import QUEUE_STATES, Study
from ris_core.studies.received import header_from_json

RECONSIDERED_FOR: Final = timedelta(days=14)
"""How long a study in the queue is linked by itself when its order comes late."""
LONGEST_TRANSACTION: Final = timedelta(seconds=60)
"""An order that was being written while a study was compared bears an earlier time, and was not seen."""
_AT_ONCE: Final = 2_000
_MOST_WAITING: Final = 2_000

Trait = tuple[str, str]
"""Kind and value of something that a study and an order may share."""


def worth_another_look(since: datetime | None, now: datetime) -> set[str]:
    """Orthanc ids of waiting studies that share a trait with an order or patient changed after ``since``."""
    waiting = Study.objects.filter(
        state__in=QUEUE_STATES, gone_from_engine_at__isnull=True, last_received_at__gt=now - RECONSIDERED_FOR
    ).order_by("-last_received_at")
    holders: defaultdict[Trait, set[str]] = defaultdict(set)
    for study in waiting.only("orthanc_id", "as_received", "received_accession_number")[:_MOST_WAITING]:
        for trait in _traits_of_study(study):
            holders[trait].add(study.orthanc_id)
    if not holders:
        return set()
    after = (since or now - RECONSIDERED_FOR) - LONGEST_TRANSACTION
    return {orthanc_id for trait in _traits_of_orders(after) for orthanc_id in holders.get(trait, ())}


def _traits_of_study(study: Study) -> Iterator[Trait]:
    header = header_from_json(study.as_received)
    yield from _traits(header.text("00100010"), header.text("00100030"))
    for tag in KEY_TAGS:
        text = header.text(tag)
        for word in (text, *patient_ids.possible_ids(text)):
            yield from _numbers(word)


def _traits_of_orders(after: datetime) -> Iterator[Trait]:
    """Of every procedure that was placed or changed, or whose patient was, or was merged with somebody."""
    patients = Patient.objects.filter(updated_at__gt=after)
    merged_into = patients.filter(merged_into__isnull=False).values("merged_into")
    changed = {
        pk  # one query each: together they would read every order there is
        for of_these in (Q(updated_at__gt=after), Q(patient__in=patients), Q(patient__in=merged_into))
        for pk in RequestedProcedure.objects.filter(of_these).values_list("pk", flat=True)
    }
    keys = sorted(changed)
    for start in range(0, len(keys), _AT_ONCE):
        yield from _traits_of_procedures(keys[start : start + _AT_ONCE])


def _traits_of_procedures(keys: Collection[int]) -> Iterator[Trait]:
    rows = (
        RequestedProcedure.objects.filter(pk__in=keys)
        .exclude(exam_state=ExamState.CANCELLED)
        .values_list(
            "patient_id",
            "patient__dicom_name",
            "patient__birth_date",
            "request__accession_number",
            "request__sent_accession_number",
            "placer_order_number",
            "filler_order_number",
            "requested_procedure_id",
        )
    )
    patients = set()
    for patient_id, name, birth_date, *numbers in rows:
        patients.add(patient_id)
        yield from _traits(name, birth_date)
        for number in numbers:
            yield from _numbers(number)
    for value in PatientIdentifier.objects.filter(
        Q(patient_id__in=patients) | Q(patient__merged_into_id__in=patients)
    ).values_list("value", flat=True):
        yield from _numbers(value)


def _traits(name: str, birth_date: str) -> Iterator[Trait]:
    words = folded_words(name.split("=")[0])
    if words:
        yield "name", " ".join(words)
    if len(birth_date) == 8:
        yield "date", birth_date


def _numbers(text: str) -> Iterator[Trait]:
    compact = patient_ids.compact(text[:128])
    if compact:
        yield "number", compact
        yield "number", patient_ids.core(text[:128]) or compact
