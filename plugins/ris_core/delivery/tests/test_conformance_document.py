"""``docs/conformance/fhir.md`` names exactly what results are pushed with."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from ris_core.delivery.tests.test_formats import WITHDRAWN, resources
from ris_core.delivery.tests.test_oru import RESULT

PAGE = Path(__file__).parents[4] / "docs" / "conformance" / "fhir.md"


def test_the_page_has_every_element_that_is_pushed_and_no_other() -> None:
    text = PAGE.read_text(encoding="utf-8").split("| pushed resource |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", text, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", elements)) for name, elements in rows}
    pushed: defaultdict[str, set[str]] = defaultdict(set)
    for result in (RESULT, WITHDRAWN, replace(RESULT, status="P")):
        for name, resource in resources(result).items():
            pushed[name] |= resource.keys() - {"resourceType"}
    assert documented == pushed
