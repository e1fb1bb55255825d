"""Which of 100,000 open orders a study might be of: few indexed queries, each bounded, that leave the rest to scoring.

An order is found by any one thing that agrees: its numbers, a form of the patient's identifier, the name in any order,
the birth date, or a place near in time on the kind of device. What has errors in all of them at once is left to a
person's own search.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice, permutations
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Right

from ris_core.matching import patient_ids
from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.names import misread
from ris_core.matching.policy import Policy
from ris_core.matching.typing_errors import one_error_away
from ris_core.names import folded
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.patients.models import Patient, PatientIdentifier

OPEN: Final = (ExamState.ORDERED, ExamState.IN_PROGRESS)
_PATIENTS: Final = 200
_OF_PATIENTS: Final = 200
_LOOKED_AT: Final = 5000
_ALIKE: Final = 1000
_NEAR_IN_TIME: Final = 60
"""Orders before and as many after the images came, on the kind of device."""
_MODALITIES: Final = 4
_NAME_WORDS: Final = 5
_FORMS: Final = 900
"""Values looked up at once (SQLite takes at most 999 in old versions)."""


def possible_procedures(study: ReceivedStudy, policy: Policy) -> set[int]:
    """Ids of procedures that ``study`` might be of, whether or not it names them."""
    in_window = RequestedProcedure.objects.filter(_window(study, policy)).exclude(exam_state=ExamState.CANCELLED)
    found = _orders_of(list(dict.fromkeys(islice(_patients(study), _PATIENTS))), in_window)
    found.update(_ids(RequestedProcedure.objects.filter(request__accession_number__in=_mistyped_accession(study))))
    found.update(_near_in_time(study))
    # of whoever has one of these, every order on the kind of device: one of two that are alike must not look alone
    owners = RequestedProcedure.objects.filter(pk__in=found).values("patient_id")
    alike = in_window.filter(patient_id__in=owners, modality__in=study.modalities[:_MODALITIES])
    found.update(_ids(alike[:_ALIKE]))
    return found


def _orders_of(patients: list[int], in_window: QuerySet[RequestedProcedure]) -> set[int]:
    """Orders of the likeliest of ``patients``, of each all or none."""
    of_patient: defaultdict[int, list[int]] = defaultdict(list)
    rows = in_window.filter(patient_id__in=patients).values_list("patient_id", "pk")
    for patient_id, procedure_id in rows[:_LOOKED_AT]:
        of_patient[patient_id].append(procedure_id)
    found: set[int] = set()
    for patient_id in patients:
        if len(found) >= _OF_PATIENTS:
            break
        found.update(of_patient[patient_id])
    return found


def _window(study: ReceivedStudy, policy: Policy) -> Q:
    if study.received_at is None:
        return Q(exam_state__in=OPEN)
    span = timedelta(days=policy.open_days)
    moments = [study.received_at, *([study.acquired_at] if study.acquired_at else [])]
    near = Q()
    for moment in moments:
        near |= Q(scheduled_at__range=(moment - span, moment + span))
    return near


def _patients(study: ReceivedStudy) -> Iterator[int]:
    """The likeliest first: by identifier, by birth date, by name, and last those whose identifier is nearly the one
    received: where numbers are given out without gaps there are hundreds. Merged patients and their survivors both."""
    ids = [study.patient_id, *study.other_ids]
    forms = {form for text in ids for form in patient_ids.stored_forms(text)}
    identifiers = PatientIdentifier.objects.order_by()
    yield from _family(_patient_ids(identifiers.filter(value__in=_bounded(forms))))
    endings = patient_ids.stored_endings(ids)
    if endings:
        ending = identifiers.annotate(ending=Right("value", patient_ids.ENDING_LENGTH))
        yield from _family(_patient_ids(ending.filter(ending__in=endings)[:_PATIENTS]))
    dated = Patient.objects.filter(birth_date=study.birth_date) if len(study.birth_date) == 8 else None
    if dated is not None:
        yield from _family(_ids(dated[:_PATIENTS]))
    of_patient = RequestedProcedure.objects.filter(patient=OuterRef("pk"), exam_state__in=OPEN)
    named = Patient.objects.filter(Exists(of_patient), search_key__in=_name_orders(study.patient_name))
    yield from _family(_ids(named[:_PATIENTS]))
    mistyped = _bounded(patient_ids.mistyped_forms(study.patient_id))
    yield from _family(_patient_ids(identifiers.filter(value__in=mistyped)))


def _family(found: Iterable[int]) -> set[int]:
    """With the patients they were merged into, and those merged into them: one step each way finds an open order,
    for a merge moves them to the survivor."""
    patients = set(found)
    if not patients:
        return patients
    related = Patient.objects.filter(Q(pk__in=patients, merged_into__isnull=False) | Q(merged_into_id__in=patients))
    for pk, survivor in related.values_list("pk", "merged_into_id"):
        patients.update((pk, survivor))
    return patients


def _name_orders(name: str) -> set[str]:
    """The folded name with its words in every order (up to five words), as received and as it may have been misread."""
    orders: set[str] = set()
    for reading in (name, *misread(name)):
        words = folded(reading.split("=")[0]).split()
        if 1 < len(words) <= _NAME_WORDS:
            orders.update(" ".join(order) for order in permutations(words))
        elif words:
            orders.add(" ".join(words))
    return orders


def _mistyped_accession(study: ReceivedStudy) -> list[str]:
    number = study.accession_number
    if not 4 <= len(number) <= 16 or not number.isascii() or not number.isprintable():
        return []
    letters = "".join(sorted(set(number.upper()) - set("0123456789")))
    return _bounded(one_error_away(number, "0123456789" + letters))


def _near_in_time(study: ReceivedStudy) -> Iterator[int]:
    if study.received_at is None:
        return
    for modality in study.modalities[:_MODALITIES]:
        at_kind = RequestedProcedure.objects.filter(modality=modality, exam_state__in=OPEN)
        yield from _ids(at_kind.filter(scheduled_at__lte=study.received_at).order_by("-scheduled_at")[:_NEAR_IN_TIME])
        yield from _ids(at_kind.filter(scheduled_at__gt=study.received_at).order_by("scheduled_at")[:_NEAR_IN_TIME])


def _bounded(forms: Iterable[str]) -> list[str]:
    return list(islice(dict.fromkeys(forms), _FORMS))


def _ids(rows: QuerySet[RequestedProcedure] | QuerySet[Patient]) -> Iterable[int]:
    return rows.values_list("pk", flat=True)


def _patient_ids(rows: QuerySet[PatientIdentifier]) -> Iterable[int]:
    return rows.values_list("patient_id", flat=True)
