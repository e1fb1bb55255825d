"""What the editor inserts and checks by: phrases, facts of the exam that stand in them, words of the spelling check."""

from __future__ import annotations

import functools
import re
from typing import Any

from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import Text
from ris_core.reports.models import SpellingWord
from ris_core.reports.phrases import phrases_for
from ris_core.reports.ready_phrases import ready_phrases
from ris_core.reports.templates import shipped_templates
from ris_webapp.screens.reading.age import age_in_words
from ris_webapp.words import WORDS

MAXIMUM_PHRASES = 1000


def snippets_for(exam: RequestedProcedure, user: User) -> list[dict[str, Any]]:
    """The phrases that fit an exam, nearest first for each abbreviation."""
    found = phrases_for(exam, user.pk)[:MAXIMUM_PHRASES]
    return [
        {
            "abbreviation": each.abbreviation,
            "text": each.text,
            "own": each.owner_id is not None,
            "sections": each.sections,
            "replaces": each.replaces,
        }
        for each in found
    ]


def facts_for(exam: RequestedProcedure) -> dict[str, str]:
    """What ``{…}`` in a phrase stands for; the names are part of the phrases and so the same in every language."""
    patient = exam.patient
    return {
        "tuổi": age_in_words(patient.birth_date, timezone.localdate(exam.scheduled_at)),
        "giới": str(WORDS["sex"].get(patient.sex, "")).lower(),
        "dịch vụ": exam.service_name,
        "chỉ định": exam.request.clinical_indication,
        "ngày chụp": timezone.localtime(exam.scheduled_at).strftime("%d/%m/%Y"),
        "hôm nay": timezone.localdate().strftime("%d/%m/%Y"),
    }


def spelling_words() -> dict[str, Any]:
    """``own``: words that this hospital added; ``known``: the syllables that reports use, which are offered first."""
    return {"own": list(SpellingWord.objects.values_list("word", flat=True)), "known": _syllables_of_reports()}


@functools.cache
def _syllables_of_reports() -> str:
    found: set[str] = set()
    for _, definition in shipped_templates():
        blocks = [item.block for section in definition.sections for item in section.items]
        for text in (block.text for block in blocks if isinstance(block, Text)):
            found.update(re.findall(r"[^\W\d_]+", text.lower()))
    for phrase in ready_phrases():
        for text in (phrase.text, *phrase.sections.values()):
            found.update(re.findall(r"[^\W\d_]+", text.lower()))
    return " ".join(sorted(found))
