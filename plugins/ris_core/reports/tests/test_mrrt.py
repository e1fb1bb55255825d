"""Templates of others (IHE MRRT) become definitions, and nothing of their markup remains."""

from __future__ import annotations

import pytest

from ris_core.errors import InvalidValue
from ris_core.reports.content import Field, Text, plain_content
from ris_core.reports.definition import Definition, ExamFacts
from ris_core.reports.filling import filled
from ris_core.reports.mrrt import MOST_BYTES, read_mrrt
from ris_core.reports.rendering import texts_of

CHEST = """<!DOCTYPE html><html><head><title>CT Chest</title><meta charset="UTF-8">
<script type="text/xml"><template_attributes><status>DRAFT</status></template_attributes></script></head><body>
<section id="T1" class="level1" data-section-name="Procedure Information"><header class="level1">Procedure</header>
 <p><textarea id="T2" name="Technique">CT of the chest <script>alert(1)</script></textarea></p></section>
<section id="T3" data-section-name="Findings"><header>Findings</header>
 <p>Lungs are clear. <b onclick="x()">Heart</b> is normal.</p>
 <p><label for="T4">Largest nodule</label>
   <input type="number" id="T4" name="n" min="0" max="200" value="" data-field-units="mm"></p>
 <p><label for="T5">Side</label>
   <select id="T5" name="s"><option selected>right</option><option>left</option></select></p>
 <p><label for="T6">Effusion</label><input type="checkbox" id="T6" checked></p>
 <img src="http://example.invalid/x.png"><iframe src="http://example.invalid"></iframe></section>
<section id="T7" data-section-name="Impression"><header>Impression</header><p>No acute disease.</p></section>
<section id="T8" data-section-name="Lung-RADS"><p>1</p></section></body></html>"""


def blocks(definition: Definition, code: str) -> list[object]:
    section = next(section for section in definition.sections if section.code == code)
    return [item.block for item in section.items]


def test_sections_fields_and_words_are_read() -> None:
    found = read_mrrt(CHEST.encode())
    assert found.title == "CT Chest"
    assert [section.code for section in found.definition.sections] == [
        "technique",
        "findings",
        "conclusion",
        "lung_rads",
    ]
    fields = {block.label: block for block in blocks(found.definition, "findings") if isinstance(block, Field)}
    nodule, side, effusion = fields["Largest nodule"], fields["Side"], fields["Effusion"]
    assert (nodule.kind, nodule.unit, nodule.maximum, nodule.values) == ("number", "mm", "200", ())
    assert (side.kind, side.options, side.values) == ("choice", ("right", "left"), ("right",))
    assert effusion.values == ("có",)
    assert blocks(found.definition, "conclusion") == [Text("No acute disease.")]


def test_nothing_of_scripts_and_addresses_remains() -> None:
    content, _ = filled(plain_content(), read_mrrt(CHEST.encode()).definition, ExamFacts())
    told = " ".join(texts_of(content).values())
    assert "Heart is normal" in told
    for never in ("onclick", "iframe", "http", "<b>", "template_attributes"):
        assert never not in told


@pytest.mark.parametrize(
    "data", [b"", b"<html><p>no section</p></html>", b"\xff\xfe<section>", b"<section>" + b"x" * MOST_BYTES]
)
def test_what_is_no_template_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValue):
        read_mrrt(data)
