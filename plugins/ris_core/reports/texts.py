"""The content of a draft or version as it is kept, and the texts that are kept beside it."""

from __future__ import annotations

from django.conf import settings

from ris_core.reports.content import STANDARD_SECTIONS, Content, plain_content
from ris_core.reports.models import ReportText
from ris_core.reports.rendering import plain_text, texts_of
from ris_core.reports.words import WORDS


def content_of(row: ReportText) -> Content:
    """What a draft or a version says; a row that was written with the four texts alone is read from them."""
    if row.content:
        return Content.from_json(row.content)
    return plain_content(**{name: getattr(row, name) for name in STANDARD_SECTIONS})


def put_content(row: ReportText, content: Content) -> None:
    """Put ``content`` into a row that the caller then saves, with the texts that are made from it."""
    row.content = content.as_json()
    texts = texts_of(content)
    for name in STANDARD_SECTIONS:
        setattr(row, name, texts.get(name, ""))
    row.plain_text = plain_text(content, usual_titles())


def usual_titles(language: str = "") -> dict[str, str]:
    """The headings of the standard sections as they are printed, in the site's language when none is given."""
    titles: dict[str, str] = WORDS[language or settings.QUANG.site.language]["sections"]
    return titles
