"""``docs/conformance/hl7.md`` says what the code does: its tables are made from the code (``QUANG_WRITE_DOCS=1``)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ris_core.hl7.acknowledgement import ErrorCode
from ris_core.intake.controls import ORDER_CONTROLS, ORDER_STATUSES
from ris_core.intake.kinds import KINDS
from ris_core.intake.profile import DEFAULT_PROFILE, Words

DOCUMENT = Path(__file__).parents[4] / "docs" / "conformance" / "hl7.md"


def types() -> list[tuple[str, ...]]:
    return [("kind", "MSH-9"), *((kind.name, ", ".join(f"`{one}`" for one in kind.types)) for kind in KINDS)]


def places() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("value", "places, the first at which something stands")]
    for part in ("order", "step", "patient", "visit"):
        values = getattr(DEFAULT_PROFILE, part)
        for field in msgspec.structs.fields(values):
            found = getattr(values, field.name)
            if field.name == "identifiers":
                rows.append((f"`{part}.{field.name}`", ", ".join(f"`{one.place}`" for one in found)))
            elif isinstance(found, tuple):
                rows.append((f"`{part}.{field.name}`", ", ".join(f"`{one}`" for one in found) or "—"))
    return rows


def words() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("table", "a word may stand for")]
    known = {
        "order_controls": ", ".join((*ORDER_CONTROLS, "SC")),
        "order_statuses": ", ".join(ORDER_STATUSES),
        "priorities": "STAT, HIGH, ROUTINE, MEDIUM, LOW",
        "modalities": "a modality of DICOM",
        "stations": "an AE title",
        "pregnancy": "1 no, 2 possibly, 3 yes, 4 unknown",
        "sexes": "M, F, O, nothing",
        "patient_classes": "E, I, O, nothing",
        "payment_states": "UNPAID, PAID, COVERED",
    }
    for field in msgspec.structs.fields(Words):
        rows.append((f"`words.{field.name}`", known.get(field.name, "a name used here")))
    return rows


def errors() -> list[tuple[str, ...]]:
    return [("ERR-3", "table 0357"), *((str(code.value), code.text) for code in ErrorCode)]


TABLES: dict[str, Callable[[], list[tuple[str, ...]]]] = {
    "types": types, "places": places, "words": words, "errors": errors,
}  # fmt: skip


def written(rows: list[tuple[str, ...]]) -> str:
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


@pytest.mark.parametrize("name", TABLES)
def test_the_conformance_statement_has_what_the_code_has(name: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table: {name} -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)
    found = pattern.search(text)
    assert found is not None
    expected = written(TABLES[name]())
    if os.environ.get("QUANG_WRITE_DOCS") and found[2] != expected:
        DOCUMENT.write_text(pattern.sub(lambda match: match[1] + expected + match[3], text), encoding="utf-8")
        return
    assert found[2] == expected, f"write it anew: QUANG_WRITE_DOCS=1 pytest {__file__}"
