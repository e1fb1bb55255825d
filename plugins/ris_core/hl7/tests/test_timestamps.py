"""HL7 dates and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.hl7.timestamps import read_date, read_timestamp, write_timestamp

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("20261121083000+0700", datetime(2026, 11, 21, 1, 30, tzinfo=UTC)),
        ("20261121083000", datetime(2026, 11, 21, 1, 30, tzinfo=UTC)),
        ("202611210830", datetime(2026, 11, 21, 1, 30, tzinfo=UTC)),
        ("20261121", datetime(2026, 11, 20, 17, 0, tzinfo=UTC)),
        ("20261121083000.25-0330", datetime(2026, 11, 21, 12, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_moments(text: str, utc: datetime) -> None:
    assert read_timestamp(text, VIETNAM) == utc


@pytest.mark.parametrize(
    "text",
    ["", "x", "20261321", "20260230", "2026112125", "20261121083060", "202611210830+2500", "00000000", "0099", "1"],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_timestamp(text, VIETNAM)


@pytest.mark.parametrize(
    ("text", "date"),
    [("1955", "1955"), ("195502", "195502"), ("19550203", "19550203"), ("195502031530+0700", "19550203")],
)
def test_dates_keep_their_precision(text: str, date: str) -> None:
    assert read_date(text) == date


@given(st.integers(-2_000_000_000, 30_000_000_000), st.integers(-12 * 60, 14 * 60))
def test_a_written_moment_is_read_back(seconds: int, offset_minutes: int) -> None:
    moment = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset_minutes)))
    assert read_timestamp(write_timestamp(moment), VIETNAM) == moment
