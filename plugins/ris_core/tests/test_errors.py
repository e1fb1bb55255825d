"""An error's code is what IT looks up: one code, one error, in the whole suite."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
_CODE = re.compile(r'^\s+code(?:: ClassVar\[str\])? = "(QUANG-\d{4})"', re.MULTILINE)


def test_every_error_has_a_code_of_its_own() -> None:
    sources = [path for folder in ("plugins", "ris-webapp") for path in (REPOSITORY / folder).rglob("*.py")]
    codes = Counter(
        code for path in sources if "node_modules" not in path.parts for code in _CODE.findall(path.read_text())
    )
    assert len(codes) > 20
    assert [code for code, times in codes.items() if times > 1] == []
