"""Which order a device means, what is odd about its times, and when an exam's images are all here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ris_core.performed.rules import (
    MissingSeries,
    Oddity,
    OrderedWork,
    PerformedSeries,
    Readiness,
    Reported,
    ScheduledReference,
    Tie,
    odd_times,
    readiness,
    tie,
)

WORK = OrderedWork(
    procedure_id=1,
    study_instance_uid="1.2.1",
    accession_numbers=frozenset({"AC1", "HIS-AC1"}),
    requested_procedure_id="RP1",
    patient_ids=frozenset({"BN1"}),
    steps={"SP1": 11, "SP2": 12},
    steps_of_modality=(11, 12),
)
OTHER = OrderedWork(2, "1.2.2", frozenset({"AC1"}), "RP2", frozenset({"BN1"}), {"SP3": 13}, (13,))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (ScheduledReference("1.2.1", "AC1", "RP1", "SP2"), Tie(1, (12,))),
        (ScheduledReference("1.2.1", "", "", ""), Tie(1, (11, 12))),
        (ScheduledReference("9.9", "AC1", "RP1", "SP1"), Tie(1, (11,))),
        (ScheduledReference("9.9", "HIS-AC1", "", ""), Tie(1, (11, 12))),
        (ScheduledReference("9.9", "AC1", "RP2", ""), Tie(2, (13,))),
        (ScheduledReference("9.9", "AC1", "", ""), Tie(objection=Oddity.UNSCHEDULED)),
        (ScheduledReference("9.9", "AC9", "RP9", "SP9"), Tie(objection=Oddity.UNSCHEDULED)),
        (ScheduledReference("9.9", "AC9", "RP1", "SP1"), Tie(objection=Oddity.IDENTIFIERS_CONTRADICT)),
    ],
)
def test_exact_identifiers_say_which_work_is_meant(reference: ScheduledReference, expected: Tie) -> None:
    assert tie(reference, "BN1", [WORK, OTHER]) == expected


def test_another_patients_order_is_left_alone() -> None:
    assert tie(ScheduledReference("1.2.1", "AC1", "RP1", "SP1"), "BN2", [WORK]).objection is Oddity.PATIENT_DIFFERS
    assert tie(ScheduledReference("1.2.1", "AC1", "RP1", "SP1"), "", [WORK]).procedure_id == 1


def test_a_wrong_clock_is_pointed_out() -> None:
    now = datetime(2026, 11, 22, 8, tzinfo=UTC)
    assert odd_times(now - timedelta(minutes=2), None, now) == []
    assert odd_times(now - timedelta(days=3), now - timedelta(days=3, hours=1), now) == [
        Oddity.CLOCK,
        Oddity.ENDED_BEFORE_STARTED,
    ]
    assert odd_times(None, now, now) == []


SERIES = PerformedSeries("1.5", "Axial", ("1.5.1", "1.5.2"))
DONE = Reported(finished=True, series=(SERIES,))
WORKING = Reported(finished=False, series=())


@pytest.mark.parametrize(
    ("reported", "has_images", "stable", "arrived", "overdue", "expected"),
    [
        ([], True, True, [], False, Readiness.COMPLETE),
        ([], True, False, [], True, Readiness.RECEIVING),
        ([], False, True, [], True, Readiness.NO_IMAGES),
        ([DONE], False, True, [], True, Readiness.NO_IMAGES),
        ([DONE], True, True, ["1.5.1", "1.5.2", "1.9"], False, Readiness.COMPLETE),
        ([DONE], True, True, ["1.5.1"], False, Readiness.INCOMPLETE),
        ([DONE], True, True, ["1.5.1"], True, Readiness.OVERDUE),
        ([DONE], True, False, ["1.5.1"], True, Readiness.RECEIVING),
        ([DONE, WORKING], True, True, ["1.5.1", "1.5.2"], False, Readiness.DEVICE_WORKING),
        ([DONE, WORKING], True, True, ["1.5.1", "1.5.2"], True, Readiness.OVERDUE),
        ([Reported(finished=True, series=())], True, True, ["1.1"], False, Readiness.COMPLETE),
    ],
)
def test_an_exam_is_ready_when_all_that_was_made_is_here(
    reported: list[Reported], has_images: bool, stable: bool, arrived: list[str], overdue: bool, expected: Readiness
) -> None:
    found, _ = readiness(reported, has_images=has_images, stable=stable, arrived=arrived, overdue=overdue)
    assert found is expected


def test_what_is_missing_is_said_series_by_series() -> None:
    _, missing = readiness([DONE], has_images=True, stable=True, arrived=["1.5.1"], overdue=False)
    assert missing == (MissingSeries("1.5", "Axial", made=2, arrived=1),)
