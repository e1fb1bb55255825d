"""Whatever stands in a field of what is sent stays data there: no segment, no element, no member more (Q8)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from xml.etree import ElementTree

import pytest

from ris_core.delivery import callback, cda, fhir, mdm, oru
from ris_core.delivery.layout import Layout, Part
from ris_core.delivery.result import KeyImage, Recalled, Result, Section
from ris_core.delivery.segments import ExamMessage
from ris_core.delivery.tests.test_oru import RESULT
from ris_core.identifiers import PatientIdentifier
from ris_core.notifications import hl7_status
from ris_core.notifications.rules import Event

VIETNAM = timezone(timedelta(hours=7))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=VIETNAM)
CHOSEN: Final = frozenset({"hl7_version", "status", "message", "event", "control_id", "name", "kind"})
"""Codes of ours, not words of anybody's."""
HOSTILE: Final = {
    "segment": "A\rOBX|9|ST|X||FORGED",
    "feed": "A\nPID|9\r\nMSH|^~\\&|FORGED",
    "separators": "A|B^C~D&E\\F\\.br\\\\X0D\\",
    "frame": "A\x1c\rMSH|FORGED\x0b",
    "markup": "A</text><script>FORGED</script><![CDATA[ ]]>&xxe;\"'--><!--",
    "members": 'A","FORGED":{"x":"',
    "odd": "A\u2028\u2029\u0085\x00\x0b\x0c\ufffe\u202eFORGED",
}
EVERYTHING = replace(
    RESULT,
    images=(KeyImage("1.2.3", b"\xff\xd8jpeg", "https://ris/open/image/abc", "Lát 41"),),
    sections=(Section("findings", "Mô tả"), Section("conclusion", "Kết luận"), Section("own", "Riêng", "Mục riêng")),
    layout=Layout(parts=tuple(Part)),
    ward="PK01",
)
WITHDRAWN = replace(EVERYTHING, recalled=Recalled("Nhầm người bệnh", NOW))
STATUS = hl7_status.StatusMessage(
    **{each.name: getattr(RESULT, each.name) for each in fields(ExamMessage)},
    message="ORM", event=Event.EXAM_COMPLETED, occurred_at=NOW, scheduled_at=NOW,
)  # fmt: skip
SYSTEMS = fhir.Systems(lambda each: f"urn:test:{each.kind}", lambda kind: f"urn:test:{kind}")


def _poisoned(thing: Any, text: str) -> Any:
    """The same with ``text`` in every word of it; structure, numbers, times and codes stay."""
    if isinstance(thing, str):
        return text
    if isinstance(thing, tuple):
        return tuple(_poisoned(each, text) for each in thing)
    if is_dataclass(thing) and not isinstance(thing, type):
        if isinstance(thing, Layout | PatientIdentifier):
            return thing  # ours; and one that takes no control characters and no backslash
        wanted = {each.name: getattr(thing, each.name) for each in fields(thing) if each.name not in CHOSEN}
        return replace(thing, **{name: _poisoned(value, text) for name, value in wanted.items() if value})
    return thing


def _shape_of_hl7(message: bytes) -> list[tuple[str, int]]:
    """Segments in their order, each with the number of its fields."""
    text = message.decode()
    assert not set(text) & {"\n", "\x0b", "\x1c"}
    return [(line.split("|")[0], line.count("|")) for line in text.split("\r")]


def _shape_of_xml(document: bytes) -> list[tuple[str, tuple[str, ...]]]:
    root = ElementTree.fromstring(document)  # noqa: S314 - our own
    return [
        (each.tag, tuple(sorted(each.attrib))) for each in root.iter() if not each.tag.endswith(("}br", "}paragraph"))
    ]


def _shape_of_json(document: bytes) -> list[str]:
    def walk(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from walk(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner, f"{path}[]")
        else:
            yield path

    return sorted(walk(json.loads(document), ""))


FORMATS: Final[dict[str, tuple[Callable[[Any], bytes], Callable[[bytes], list[Any]], Any]]] = {
    "oru": (oru.compose, _shape_of_hl7, EVERYTHING),
    "oru-2.3": (oru.compose, _shape_of_hl7, replace(EVERYTHING, hl7_version="2.3")),
    "oru-recalled": (oru.compose, _shape_of_hl7, WITHDRAWN),
    "mdm": (mdm.compose, _shape_of_hl7, EVERYTHING),
    "status": (hl7_status.compose, _shape_of_hl7, STATUS),
    "cda": (cda.compose, _shape_of_xml, EVERYTHING),
    "fhir": (lambda result: fhir.compose(result, SYSTEMS), _shape_of_json, EVERYTHING),
    "callback": (callback.compose, _shape_of_json, EVERYTHING),
}


@pytest.mark.parametrize("poison", HOSTILE)
@pytest.mark.parametrize("name", FORMATS)
def test_no_word_in_what_is_sent_becomes_structure(name: str, poison: str) -> None:
    compose, shape, thing = FORMATS[name]
    plain = shape(compose(_poisoned(thing, "A")))
    assert shape(compose(_poisoned(thing, HOSTILE[poison]))) == plain


def test_the_words_are_in_it() -> None:
    """Or the test above would show nothing."""
    sent: Result = _poisoned(EVERYTHING, "AFORGEDA")
    assert oru.compose(sent).count(b"AFORGEDA") > 15
    assert cda.compose(sent).count(b"AFORGEDA") > 10
