"""The measure of matching: labelled cases decided as the worker decides them, and compared with the truth.

``python -m benchmarks.matching_measure CASES PATIENTS OPEN_ORDERS`` measures in the environment's empty database and
prints one JSON object.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ris_webapp.settings")
    django.setup()

from django.db import transaction
from django.utils import timezone

from benchmarks.many_orders import seed_orders
from benchmarks.matching_cases import Case, cases
from benchmarks.matching_hospital import SERVICES, Hospital, Person, a_hospital
from ris_core.audit.services import SYSTEM
from ris_core.devices.models import Device
from ris_core.identifiers import PatientIdentifier, PlacerOrderNumber
from ris_core.matching.reasons import Outcome
from ris_core.matching.rules import decide
from ris_core.matching.services import policy_in_force
from ris_core.orders.models import RequestedProcedure
from ris_core.orders.rules import OrderedStep, OrderRequest
from ris_core.orders.services import place_order
from ris_core.patients.rules import PatientDetails
from ris_core.patients.services import record_patient
from ris_core.studies.candidates import consider, received_study, room_of_device
from ris_core.studies.exam_keys import with_keys
from ris_core.studies.received import read_header


@dataclass(slots=True)
class Measure:
    """What became of the cases."""

    linked: int = 0
    linked_wrongly: list[str] = field(default_factory=list)
    linkable: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    """Linkable cases that were neither linked nor had the right order first, by kind."""
    milliseconds: list[float] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return 1 - len(self.linked_wrongly) / self.linked if self.linked else 1.0

    @property
    def found(self) -> float:
        """Share of the linkable that were linked or are first in the queue."""
        return 1 - self.missed.total() / self.linkable if self.linkable else 1.0


def measure(labelled: Iterable[Case]) -> Measure:
    """Decide each case as the worker would, and compare with the truth."""
    result = Measure()
    policy = policy_in_force()
    for case in labelled:
        header = read_header(case.file)
        began = time.perf_counter()
        received = replace(
            received_study(header, [case.modality]),
            sender=case.sender,
            room=room_of_device(case.sender),
            received_at=case.received_at,
        )
        received = with_keys(received, header, policy)
        considered = consider(received, policy)
        decision = decide(received, considered.procedures, considered.patients_with_this_id, policy)
        result.milliseconds.append((time.perf_counter() - began) * 1000)
        result.linkable += case.truth is not None
        first = decision.candidates[0].procedure_id if decision.candidates else None
        if decision.outcome is Outcome.LINK:
            result.linked += 1
            if decision.procedure_id != case.truth:
                result.linked_wrongly.append(f"{case.kind}: {decision.reason}")
        elif case.truth is not None and first != case.truth:
            result.missed[case.kind] += 1
    return result


def place(hospital: Hospital) -> Hospital:
    """Put patients, devices and orders into the database; the hospital with the ids that its orders got."""
    for service in {service.station: service for service in SERVICES}.values():
        Device.objects.get_or_create(
            ae_title=service.station,
            defaults={"name": service.station, "modality": service.modality, "room": service.room},
        )
    orders = []
    with transaction.atomic():
        for person in hospital.without_order:
            record_patient(_details(person), SYSTEM)
        for order in hospital.orders:
            service = order.service
            placed = place_order(
                OrderRequest(
                    source="HIS|BVQ",
                    placer_order_number=PlacerOrderNumber(f"PQ{order.ordinal:07d}"),
                    patient=_details(order.person),
                    service_code=service.code,
                    service_name=service.name,
                    modality=service.modality,
                    accession_number=order.accession_number,
                    scheduled_at=order.at,
                    steps=(OrderedStep(station_ae_title=service.station, room=service.room),),
                ),
                SYSTEM,
            )
            orders.append(replace(order, procedure_id=placed.procedure_id))
    return replace(hospital, orders=tuple(orders))


def _details(person: Person) -> PatientDetails:
    return PatientDetails(
        identifiers=(PatientIdentifier(person.number, "BVX"), PatientIdentifier(person.citizen_id, "CCCD", "NI")),
        full_name=person.name,
        dicom_name=person.dicom_name,
        birth_date=person.birth_date,
        sex=person.sex,
    )


def main(count: int, patients: int, open_orders: int) -> None:
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    now = timezone.now()
    days = 10
    seed_orders(open_orders, now=now)
    for day in range(days):  # all of them open, on ten days around today
        of_day = RequestedProcedure.objects.filter(
            pk__gt=day * open_orders // days, pk__lte=(day + 1) * open_orders // days
        )
        of_day.update(exam_state="ORDERED", scheduled_at=now + timedelta(days=day - days // 2, minutes=7 * day))
    hospital = place(a_hospital(1, patients, now))
    result = measure(cases(hospital, 2, count))
    times = sorted(result.milliseconds)
    figures = {
        "cases": count,
        "linked": result.linked,
        "linkable": result.linkable,
        "precision": result.precision,
        "found": result.found,
        "missed": ", ".join(f"{kind} {missed}" for kind, missed in result.missed.most_common(8)),
        "wrong": result.linked_wrongly[:20],
        "median_ms": statistics.median(times),
        "p95_ms": times[int(len(times) * 0.95)],
        "longest_ms": times[-1],
    }
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
