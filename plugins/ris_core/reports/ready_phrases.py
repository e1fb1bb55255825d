"""The phrases and macros that come with the suite (``phrases_vi.toml``), for a hospital that makes them its own."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final

from django.db import transaction

from ris_core.audit.services import Actor
from ris_core.reports.content import STANDARD_SECTIONS
from ris_core.reports.models import Phrase
from ris_core.reports.phrases import PhraseFacts, save_phrase

_FILE: Final = Path(__file__).with_name("phrases_vi.toml")


@transaction.atomic
def load_phrases(actor: Actor) -> int:
    """Add those that the hospital has not; one whose abbreviation it has for the same exams, in use or not, stays as
    it is.

    :returns: how many were added
    """
    missing = missing_phrases()
    for facts in missing:
        save_phrase(None, facts, actor)
    return len(missing)


def missing_phrases() -> list[PhraseFacts]:
    """Those of the file that the hospital has nothing in the place of."""
    shared = Phrase.objects.filter(owner__isnull=True).values_list("abbreviation", "modality", "service_code")
    known = set(shared)
    return [each for each in ready_phrases() if (each.abbreviation, each.modality, each.service_code) not in known]


@functools.cache
def ready_phrases() -> tuple[PhraseFacts, ...]:
    """All of the file; an unknown key in it is an error here."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["phrase"]
    found = []
    for entry in entries:
        sections = {code: entry.pop(code) for code in STANDARD_SECTIONS if code in entry}
        text = entry.pop("text", "")
        found.append(PhraseFacts(text=text, sections=sections, shared=True, **entry))
    return tuple(found)
