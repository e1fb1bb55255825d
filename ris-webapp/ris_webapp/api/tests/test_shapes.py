"""Times that programs send."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from ris_webapp.api.shapes import Moment


def test_a_time_with_an_offset_that_no_place_has_is_one_that_databases_take() -> None:
    assert TypeAdapter(Moment).validate_python("2678-02-11T15:34:51+22:10").isoformat() == "2678-02-10T17:24:51+00:00"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-11-22T08:00:00"])
def test_what_is_no_time_of_this_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(text)
