"""Pages from HTML: the layout engine, the fonts that come with the suite, and what a page may refer to.

Nothing is fetched: a page gets fonts from this package and the files that are handed over with it; any other address is
refused. The fonts are under the SIL Open Font License (``fonts/OFL-*.txt``).
"""

from __future__ import annotations

import functools
import hashlib
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import weasyprint
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from ris_core.errors import QuangError

SCHEME: Final = "quang:"
"""Addresses of what a page may refer to: fonts of this package (``quang:NotoSans-Regular.ttf``), files of the page."""
_FONTS: Final = Path(__file__).parent / "fonts"
_MOST_PDF_BYTES = 8 * 1024 * 1024
_MOST_NOTES: Final = 10

FONT_FAMILIES: Final = {
    "Be Vietnam Pro": ("BeVietnamPro-Regular.ttf", "BeVietnamPro-SemiBold.ttf"),
    "Noto Sans": ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    "Noto Serif": ("NotoSerif-Regular.ttf", "NotoSerif-Bold.ttf"),
}
"""Fonts by which every Vietnamese letter can be printed: regular and heavy (weight 600)."""
SIGNS: Final = "Print Signs"
"""Greek, arrows, mathematical signs: what the others may not have."""

LAYING_OUT = threading.Lock()
"""Layout burns a processor and its font configuration is shared: one at a time in a process."""


class DocumentTooLarge(QuangError):
    """The printed report became larger than an HL7 message should carry."""

    code = "QUANG-5005"


class File(msgspec.Struct, frozen=True):
    """A picture that a page shows."""

    content: bytes
    media_type: str


class Page(msgspec.Struct, frozen=True):
    """What is laid out."""

    html: str
    styles: tuple[str, ...]
    """Style sheets in CSS, later ones win."""
    files: dict[str, File] = {}
    """By their name: ``quang:NAME`` is the address."""
    archival: bool = False
    """PDF/A-3b, always the same bytes for the same page."""


class Printed(msgspec.Struct, frozen=True):
    """The pages."""

    pdf: bytes
    notes: tuple[str, ...] = ()
    """What the layout engine passed over: unknown properties, addresses without a file."""


def typeset(page: Page) -> Printed:
    """``page`` as PDF.

    :raises DocumentTooLarge: more than 8 MB
    :raises FatalURLFetchingError: it refers to what was not handed over with it
    """
    with LAYING_OUT, _passed_over() as notes:
        fonts = print_fonts()
        fetcher = PageFiles(page.files)
        styles = [weasyprint.CSS(string=css, url_fetcher=fetcher, font_config=fonts) for css in page.styles]
        options: dict[str, Any] = {}
        if page.archival:
            seed = "\0".join((page.html, *page.styles)).encode()
            options = {
                "pdf_variant": "pdf/a-3b",
                "pdf_identifier": hashlib.md5(seed, usedforsecurity=False).digest(),
            }
        pdf: bytes = weasyprint.HTML(string=page.html, url_fetcher=fetcher).write_pdf(
            stylesheets=[_font_faces(), *styles], font_config=fonts, **options
        )
    if len(pdf) > _MOST_PDF_BYTES:
        raise DocumentTooLarge(f"the printed pages have {len(pdf)} bytes")
    return Printed(pdf, tuple(dict.fromkeys(notes))[:_MOST_NOTES])


class PageFiles(URLFetcher):  # type: ignore[misc]
    """Gives the fonts of this package and a page's own files, and refuses every other address."""

    def __init__(self, files: Mapping[str, File] | None = None) -> None:
        super().__init__(allowed_protocols=())
        self._files = {SCHEME + name: file for name, file in (files or {}).items()}

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        for font in _FONTS.glob("*.ttf"):
            if url == SCHEME + font.name:
                return URLFetcherResponse(url, font.read_bytes(), {"Content-Type": "font/ttf"})
        if (file := self._files.get(url)) is not None:
            return URLFetcherResponse(url, file.content, {"Content-Type": file.media_type})
        raise FatalURLFetchingError(f"a printed page refers to nothing outside itself: {url[:200]}")


@functools.cache
def print_fonts() -> FontConfiguration:
    """The fonts, also for what is drawn on a page later; to be used while :data:`LAYING_OUT` is held."""
    fonts = FontConfiguration()
    _parsed_font_faces(fonts)
    return fonts


def _font_faces() -> weasyprint.CSS:
    return _parsed_font_faces(print_fonts())


@functools.cache
def _parsed_font_faces(fonts: FontConfiguration) -> weasyprint.CSS:
    faces = [
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; src: url("{SCHEME}{name}"); }}'
        for family, names in FONT_FAMILIES.items()
        for weight, name in zip((400, 600), names, strict=True)
    ]
    faces.append(f'@font-face {{ font-family: "{SIGNS}"; src: url("{SCHEME}NotoSansMath-Symbols.ttf"); }}')
    return weasyprint.CSS(string="\n".join(faces), url_fetcher=PageFiles(), font_config=fonts)


@contextmanager
def _passed_over() -> Iterator[list[str]]:
    """The layout engine's complaints of one page, which it has no other way to tell."""
    notes: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            notes.append(record.getMessage()[:300])

    handler = Keeping(logging.WARNING)
    logger: logging.Logger = weasyprint.LOGGER
    logger.addHandler(handler)
    try:
        yield notes
    finally:
        logger.removeHandler(handler)
