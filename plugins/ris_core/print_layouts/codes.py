"""Codes that scanners read, as drawings whose unit is a module of the code."""

from __future__ import annotations

from typing import Final

import barcode
import segno

_QUIET_MODULES: Final = 10
"""White on both sides of a Code 128 (ISO/IEC 15417 4.3)."""


def code128(text: str) -> str:
    """Bars as one path, 30 units high; SVG that holds nothing of its text.

    :raises ValueError: ``text`` has characters that Code 128 has not
    """
    modules: str = barcode.get("code128", text).build()[0]
    bars, at = [], 0
    while at < len(modules):
        end = at
        while end < len(modules) and modules[end] == modules[at]:
            end += 1
        if modules[at] == "1":
            bars.append(f"M{at + _QUIET_MODULES} 0h{end - at}v30h-{end - at}z")
        at = end
    width = len(modules) + 2 * _QUIET_MODULES
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="code128" viewBox="0 0 {width} 30" preserveAspectRatio="none"'
        f' shape-rendering="crispEdges"><path d="{"".join(bars)}"/></svg>'
    )


def qr_code(text: str, *, error: str = "m", border: int = 0) -> str:
    """Squares as SVG that holds nothing of its text; empty for no text."""
    if not text:
        return ""
    drawing: str = segno.make_qr(text, error=error).svg_inline(border=border, omitsize=True)
    return drawing


def drawing_file(drawing: str) -> bytes:
    """An SVG that stands in HTML as one that stands alone."""
    if "xmlns=" not in drawing:
        drawing = drawing.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return drawing.encode()
