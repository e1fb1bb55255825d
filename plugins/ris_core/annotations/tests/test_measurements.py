"""Numbers of structured reports, as they are put into a report's text."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from ris_core.annotations.measurements import MeasuredValue, Measurement, ReportUnreadable, measurements_in


def test_numbers_of_a_report_of_another_template_are_found() -> None:
    report = measurements_in(Path(str(get_testdata_file("test-SR.dcm"))).read_bytes())
    assert [each.text for each in report.measurements] == ["Diameter 3 cm", "Diameter 3 cm"]


def test_a_report_without_numbers_has_no_measurements() -> None:
    assert measurements_in(Path(str(get_testdata_file("reportsi.dcm"))).read_bytes()).measurements == ()


@pytest.mark.parametrize("content", [b"", b"no DICOM", b"\0" * 128 + b"DICM" + b"\xff" * 64])
def test_what_is_no_report_is_named(content: bytes) -> None:
    with pytest.raises(ReportUnreadable):
        measurements_in(content)


def test_a_measurement_reads_as_one_writes_it() -> None:
    values = (MeasuredValue("Length", "12.3", "mm"), MeasuredValue("Angle", "30", "°"))
    assert Measurement("Nốt", values).text == "Nốt: Length 12.3 mm; Angle 30°"
