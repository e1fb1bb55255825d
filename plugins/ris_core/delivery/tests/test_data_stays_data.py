"""Whatever a name or a text contains, it stays data in what we send: no segment, field or component comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_core.delivery.oru import compose
from ris_core.delivery.result import Result, Section
from ris_core.delivery.segments import ExamMessage, Party
from ris_core.delivery.tests.test_oru import RESULT
from ris_core.hl7.er7 import Message
from ris_core.notifications.hl7_status import STATUS, StatusMessage
from ris_core.notifications.hl7_status import compose as compose_status

TEXTS = (
    "ward", "visit_number", "visit_issuer", "placer_order_number", "filler_order_number", "accession_number",
    "requested_procedure_id", "service_code", "service_name", "service_coding_system", "ordering_physician",
)  # fmt: skip
"""Fields of a message that are free text of the sender's."""

_nasty = st.text(st.sampled_from("\r\n\v\f\x1c\x0b\x85\u2028|^~&\\ MSHPIDaễ\"'\x00"), min_size=1, max_size=12)
_any = _nasty | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def structure(message: bytes) -> list[tuple[str, int]]:
    """The segments and how many fields each has."""
    return [(line[:3].decode(), line.count(b"|")) for line in message.split(b"\r")[:-1]]


def with_texts(message: Any, text: str) -> Any:
    party = Party(text, text)
    return replace(message, sender=party, receiver=party, **dict.fromkeys(TEXTS, text))


@given(_any)
@settings(max_examples=150, deadline=None)
def test_no_text_of_a_result_becomes_structure(text: str) -> None:
    result: Result = with_texts(RESULT, text)
    result = replace(result, sections=(Section("findings", text), Section("conclusion", text)), viewer_url=text)
    sent = compose(result)
    assert structure(sent) == structure(compose(RESULT))
    assert not set(sent) & {0x0B, 0x1C}
    read = Message.parse(sent).first("OBR")
    assert read is not None
    assert len(read.raw(4).split("^")) == 3


STATUS_MESSAGE = StatusMessage(
    **{name: getattr(RESULT, name) for name in ExamMessage.__dataclass_fields__},
    message="ORM",
    event=next(iter(STATUS)),
    occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
    scheduled_at=datetime(2026, 11, 21, tzinfo=UTC),
)


@given(_any)
@settings(max_examples=100, deadline=None)
def test_no_text_of_a_status_message_becomes_structure(text: str) -> None:
    sent = compose_status(with_texts(STATUS_MESSAGE, text))
    assert structure(sent) == structure(compose_status(STATUS_MESSAGE))
    assert not set(sent) & {0x0B, 0x1C}


@pytest.mark.parametrize("name", ["NGUYỄN\rMSH|^VĂN|AN", "A\x1c\rMSH|", "A~B&C\\X0D\\"])
def test_a_name_with_a_line_end_stays_a_name(name: str) -> None:
    sent = compose(replace(RESULT, patient_name=name))
    assert structure(sent) == structure(compose(RESULT))
