"""Text that may stand in an XML document: names from messages can have characters that XML 1.0 has not."""

from __future__ import annotations

import re
from typing import Final

_FORBIDDEN: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def writable(text: str) -> str:
    """``text`` without what no XML reader would take (XML 1.0 §2.2, Char)."""
    return _FORBIDDEN.sub("", text)
