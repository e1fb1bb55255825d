"""The conformance statement's table of worklist attributes is what the code answers and matches."""

from __future__ import annotations

import re
from pathlib import Path

from pydicom.datadict import dictionary_description

from ris_core.devices.character_sets import CODECS
from ris_core.worklist.dataset import REPRESENTATIONS

STATEMENT = (Path(__file__).parents[4] / "docs/conformance/dicom.md").read_text(encoding="utf-8")


def test_every_attribute_stands_in_the_table_and_nothing_else() -> None:
    rows = re.findall(r"^\| \(([0-9A-F]{4}),([0-9A-F]{4})\) \| (.+) \| (..) \|$", STATEMENT, re.MULTILINE)
    written = {int(group + element, 16): (name, representation) for group, element, name, representation in rows}
    assert written == {tag: (dictionary_description(tag), vr) for tag, vr in REPRESENTATIONS.items()}


def test_every_character_set_is_named() -> None:
    section = STATEMENT.split("### Character sets")[1].split("### Return keys")[0]
    named = section.split("the device's own set:")[1].split("|")[0]
    for term in CODECS:
        assert term.split()[-1] in re.findall(r"\w+", named), term
