"""Quirks and filters are typed data: an unknown word is an error and not ignored."""

from __future__ import annotations

from typing import Any

import pytest

from ris_core.devices.quirks import Quirks, WorklistFilter, as_json, read
from ris_core.errors import InvalidValue


@pytest.mark.parametrize(
    "wrong",
    [
        {"wants_asci": True}, {"version": 2}, {"max_name_length": 0}, {"max_name_length": "ten"},
        {"ignored_query_keys": ["PatientShoeSize"]},
        {"returned_lengths": {"PatientName": 65}}, [], "x",
    ],
)  # fmt: skip
def test_quirks_that_cannot_be_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(Quirks, wrong, "quirks")
    assert caught.value.field == "quirks"


@pytest.mark.parametrize(
    "wrong", [{"stations": "mine"}, {"days_before": -1}, {"limit": 0}, {"statuses": ["COMPLETED"]}, {"rooms": [""]}]
)
def test_a_filter_that_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidValue):
        read(WorklistFilter, wrong, "worklist_filter")


def test_what_is_kept_is_read_back() -> None:
    quirks = Quirks(max_name_length=16, ignored_query_keys=("ScheduledProcedureStepStartDate",), wants_ascii=True)
    assert as_json(quirks) == {
        "version": 1, "max_name_length": 16, "ignored_query_keys": ["ScheduledProcedureStepStartDate"],
        "wants_ascii": True,
    }  # fmt: skip
    assert read(Quirks, as_json(quirks), "quirks") == quirks
    assert as_json(WorklistFilter()) == {"version": 1}
