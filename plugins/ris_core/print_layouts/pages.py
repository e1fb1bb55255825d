"""Printed pages: as pictures, for previews beside a form; of several documents as one."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

import pypdfium2

MOST_PAGES: Final = 6
_WIDEST_PIXELS: Final = 900
_DOTS_PER_INCH: Final = 110


def page_pictures(pdf: bytes, *, most: int = MOST_PAGES) -> tuple[list[bytes], int]:
    """The first pages as PNG, and how many there are. For PDFs of our own making only."""
    document: Any = pypdfium2.PdfDocument(pdf)
    try:
        count = len(document)
        pictures = []
        for number in range(min(count, most)):
            page = document[number]
            scale = min(_DOTS_PER_INCH / 72, _WIDEST_PIXELS / page.get_width())
            scale = max(scale, min(3.0, 320 / page.get_width()))  # labels are small
            file = io.BytesIO()
            page.render(scale=scale).to_pil().save(file, "PNG", optimize=False, compress_level=6)
            pictures.append(file.getvalue())
            page.close()
        return pictures, count
    finally:
        document.close()


def joined(documents: Sequence[bytes]) -> bytes:
    """The pages of all, in one PDF."""
    if len(documents) == 1:
        return documents[0]
    whole: Any = pypdfium2.PdfDocument.new()
    try:
        for content in documents:
            document: Any = pypdfium2.PdfDocument(content)
            try:
                whole.import_pages(document)
            finally:
                document.close()
        file = io.BytesIO()
        whole.save(file)
        return file.getvalue()
    finally:
        whole.close()
