"""Bring the English catalogue up to date with the sources, and compile it; for those who change texts."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from ris_webapp.management.command import SuiteCommand

WEBAPP = Path(__file__).resolve().parents[2]
REPOSITORY = WEBAPP.parents[1]
CATALOGUE = WEBAPP / "locale" / "en" / "LC_MESSAGES" / "django.po"
SOURCES = (WEBAPP, REPOSITORY / "plugins" / "ris_core")
BEFORE_THE_FIRST_RELEASE = datetime(2026, 1, 1, tzinfo=UTC)
"""The catalogue's date, fixed so that only texts make a difference to the file."""
METHODS = [
    ("**/tests/**", "ignore"),
    ("**/migrations/**", "ignore"),
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "pgettext_lazy": ((1, "c"), 2)}


def texts_in_sources() -> Catalog:
    """Every text of the screens, as the sources have it now."""
    catalogue = Catalog(domain="django", project="Quang", charset="utf-8")
    for folder in SOURCES:
        found = extract_from_dir(str(folder), METHODS, OPTIONS, KEYWORDS)
        for path, _line, message, comments, context in found:
            place = (folder / path).relative_to(REPOSITORY)
            catalogue.add(message, locations=[(str(place), 0)], auto_comments=comments, context=context)
    return catalogue


def english() -> Catalog:
    """The English catalogue as it is kept."""
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en", domain="django")


def compiled(catalogue: Catalog) -> bytes:
    """What Django loads."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def untranslated(catalogue: Catalog) -> list[str]:
    """Texts without an English translation, or with one that nobody has confirmed."""
    return [str(message.id) for message in catalogue if message.id and (message.fuzzy or not _complete(message.string))]


def _complete(translation: str | tuple[str, ...] | list[str] | None) -> bool:
    """Whether the translation, every plural form of it, is there."""
    return all(translation) if isinstance(translation, tuple | list) else bool(translation)


class Command(SuiteCommand):
    help = "Update locale/en/LC_MESSAGES/django.po from the sources, compile it, and list what is not translated."

    def handle(self, *args: Any, **options: Any) -> None:
        catalogue = english() if CATALOGUE.exists() else Catalog(locale="en", domain="django")
        catalogue.update(texts_in_sources(), no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        catalogue.fuzzy = False
        catalogue.project, catalogue.version = "Quang", "0.1"
        catalogue.header_comment = "# English texts of the screens; the keys are the Vietnamese ones in the sources.\n"
        catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = "Quang"
        catalogue.creation_date = catalogue.revision_date = BEFORE_THE_FIRST_RELEASE
        with CATALOGUE.open("wb") as file:
            write_po(file, catalogue, sort_output=True, include_lineno=False, width=120, omit_header=False)
        CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue))
        missing = untranslated(catalogue)
        for text in missing:
            self.stdout.write(f"not translated: {text}")
        self.stdout.write(f"{len(catalogue)} texts, {len(missing)} not translated")
