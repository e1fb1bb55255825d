"""Dose reports are read in any unit they may be in, and nothing is counted twice."""

from __future__ import annotations

import pytest

from ris_core.doses.amounts import Amounts, together
from ris_core.doses.dose_report import dose_report, of_different_events
from ris_core.doses.tests.rdsr import ct_report, file_of, number, projection_report


def test_a_ct_report_has_its_total_and_the_greatest_ctdivol() -> None:
    report = dose_report(file_of(ct_report(512.5, [("1.1", 8.2), ("1.2", 31.0)])))
    assert report is not None
    assert report.amounts == Amounts(dlp_mgy_cm=512.5, ctdivol_mgy=31.0, exposures=2)
    assert report.event_uids == {"1.1", "1.2"}


def test_a_projection_report_is_added_up_over_its_planes_and_unknown_units_are_left_out() -> None:
    report = dose_report(file_of(projection_report(0.0002, planes=2)))
    assert report is not None
    found = report.amounts
    assert [found.dap_gy_cm2, found.reference_point_mgy] == pytest.approx([4.0, 20.0])
    assert (found.fluoroscopy_seconds, found.exposures, found.glandular_mgy) == (25.0, 2, None)


def test_a_report_of_an_older_class_is_known_by_its_title() -> None:
    content = ct_report(10, [("1.1", 1)])
    enhanced = "1.2.840.10008.5.1.4.1.1.88.22"
    assert dose_report(file_of(content, sop_class=enhanced)) is not None
    assert dose_report(file_of(content, sop_class=enhanced, title="126000")) is None


def test_a_total_sent_again_when_the_exam_went_on_is_counted_once() -> None:
    first = dose_report(file_of(ct_report(100, [("1.1", 5)])))
    later = dose_report(file_of(ct_report(250, [("1.1", 5), ("1.2", 6)])))
    other = dose_report(file_of(ct_report(40, [("2.1", 3)])))
    assert first is not None
    assert later is not None
    assert other is not None
    assert of_different_events([first, later, other, later]).dlp_mgy_cm == 290


@pytest.mark.parametrize("file", [b"", b"no DICOM", file_of([])[:200]])
def test_what_is_no_report_is_passed_over(file: bytes) -> None:
    found = dose_report(file)
    assert found is None or found.amounts.is_empty


@pytest.mark.parametrize("value", [-1.0, 1e12])
def test_amounts_that_cannot_be_meant_are_left_out(value: float) -> None:
    report = dose_report(file_of([number("113830", value, "mGy")]))
    assert report is not None
    assert report.amounts.is_empty


def test_nothing_and_something_is_something() -> None:
    assert together([Amounts(), Amounts(dlp_mgy_cm=1.0)]) == Amounts(dlp_mgy_cm=1.0)
    assert together([]).is_empty
