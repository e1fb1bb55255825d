"""Phrases and macros that readers insert by an abbreviation, and words that the spelling check is taught."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.content import STANDARD_SECTIONS, clean_text
from ris_core.reports.models import Phrase, SpellingWord

MOST_PHRASES: Final = 1000
"""Of one person, and of the hospital."""
MOST_WORDS: Final = 5000
PHRASE_MAX_CHARACTERS: Final = 4000

_ABBREVIATION = re.compile(r"[^\W_]{1,32}")
_WORD = re.compile(r"[^\W\d_]{1,64}")


@dataclass(frozen=True, slots=True)
class PhraseFacts:
    """A phrase as it is entered.

    Texts may have gaps (``[  ]``), choices (``[phải/trái]``) and facts of the exam (``{tuổi}``, ``{giới}``). One that
    fills further sections is a macro.
    """

    abbreviation: str
    text: str
    modality: str = ""
    service_code: str = ""
    shared: bool = False
    """Of the hospital instead of one person."""
    sections: Mapping[str, str] = field(default_factory=dict)
    """Standard section → what is put into it, wherever one types."""
    replaces: bool = False
    """What stands in those sections gives way."""

    def __post_init__(self) -> None:
        if not _ABBREVIATION.fullmatch(self.abbreviation):
            raise InvalidValue("an abbreviation has 1 to 32 letters and digits", field="abbreviation")
        if not (self.text.strip() or any(map(str.strip, self.sections.values()))):
            raise InvalidValue("a phrase says something", field="text")
        if not set(self.sections) <= set(STANDARD_SECTIONS):
            raise InvalidValue("a macro fills standard sections", field="text")
        for name, text in {"text": self.text, **self.sections}.items():
            if len(text) > PHRASE_MAX_CHARACTERS:
                raise InvalidValue(f"a phrase has at most {PHRASE_MAX_CHARACTERS} characters", field=name)
        if not re.fullmatch(r"[A-Z0-9]{0,16}", self.modality):
            raise InvalidValue("a modality has capital letters and digits", field="modality")
        if len(self.service_code) > 64:
            raise InvalidValue("a service code has at most 64 characters", field="service_code")


@transaction.atomic
def save_phrase(phrase_id: int | None, facts: PhraseFacts, actor: Actor) -> Phrase:
    """Add a phrase, or change one (``phrase_id``) that is the actor's own or the hospital's.

    :raises InvalidValue: the abbreviation stands for another phrase in the same exams, or there are too many
    :raises NotFound: no such phrase, or another person's
    """
    owner_id = None if facts.shared else _person(actor)
    same = Phrase.objects.filter(
        owner_id=owner_id,
        abbreviation=facts.abbreviation.lower(),
        modality=facts.modality,
        service_code=facts.service_code,
        active=True,
    )
    if any(found.pk != phrase_id for found in same):
        raise InvalidValue("the abbreviation is in use for these exams", field="abbreviation")
    if phrase_id is None and Phrase.objects.filter(owner_id=owner_id, active=True).count() >= MOST_PHRASES:
        raise InvalidValue(f"there are at most {MOST_PHRASES} phrases", field="abbreviation")
    phrase = Phrase() if phrase_id is None else _own_or_shared(phrase_id, actor)
    phrase.owner_id = owner_id
    phrase.abbreviation = facts.abbreviation.lower()
    phrase.text = clean_text(facts.text)
    phrase.sections = {code: text for code in STANDARD_SECTIONS if (text := clean_text(facts.sections.get(code, "")))}
    phrase.replaces = facts.replaces and bool(phrase.sections)
    phrase.modality, phrase.service_code = facts.modality, facts.service_code
    phrase.save()
    record(actor, "phrase.saved", subject=f"phrase:{phrase.pk}", shared=facts.shared)
    return phrase


@transaction.atomic
def set_phrase_active(phrase_id: int, active: bool, actor: Actor) -> Phrase:
    """Offer a phrase no longer, or again; what was written with it stays.

    :raises NotFound: no such phrase, or another person's
    :raises InvalidValue: its abbreviation was given to another one meanwhile
    """
    phrase = _own_or_shared(phrase_id, actor)
    if active:
        others = Phrase.objects.filter(
            owner_id=phrase.owner_id,
            abbreviation=phrase.abbreviation,
            modality=phrase.modality,
            service_code=phrase.service_code,
            active=True,
        )
        if others.exclude(pk=phrase.pk).exists():
            raise InvalidValue("the abbreviation is in use for these exams", field="abbreviation")
    phrase.active = active
    phrase.save()
    record(actor, "phrase.activated" if active else "phrase.deactivated", subject=f"phrase:{phrase.pk}")
    return phrase


def phrases_for(exam: RequestedProcedure, user_id: int) -> QuerySet[Phrase]:
    """What a reader may insert into the report of an exam: own ones first, then the nearest to the exam."""
    return (
        Phrase.objects.filter(Q(owner_id=user_id) | Q(owner__isnull=True), active=True)
        .filter(Q(modality="") | Q(modality=exam.modality), Q(service_code="") | Q(service_code=exam.service_code))
        .order_by("abbreviation", "-service_code", "-modality", "pk")
    )


@transaction.atomic
def add_word(word: str, actor: Actor) -> SpellingWord:
    """Have the spelling check take a word for right, for everybody. One that is known already is not added again.

    :raises InvalidValue: it is no word, or there are too many
    """
    normal = unicodedata.normalize("NFC", word.strip()).lower()
    if not _WORD.fullmatch(normal):
        raise InvalidValue("a word has 1 to 64 letters", field="word")
    found = SpellingWord.objects.filter(word=normal).first()
    if found is not None:
        return found
    if SpellingWord.objects.count() >= MOST_WORDS:
        raise InvalidValue(f"there are at most {MOST_WORDS} words", field="word")
    added = SpellingWord.objects.create(word=normal, added_by=actor.name)
    record(actor, "spelling.word_added", subject=f"word:{added.pk}")
    return added


@transaction.atomic
def remove_word(word_id: int, actor: Actor) -> None:
    """Have a word checked again. :raises NotFound: it is not among them"""
    deleted, _ = SpellingWord.objects.filter(pk=word_id).delete()
    if not deleted:
        raise NotFound("there is no such word", field="word")
    record(actor, "spelling.word_removed", subject=f"word:{word_id}")


def _own_or_shared(phrase_id: int, actor: Actor) -> Phrase:
    found = (
        Phrase.objects.select_for_update(of=("self",))
        .filter(Q(owner_id=_person(actor)) | Q(owner__isnull=True), pk=phrase_id)
        .first()
    )
    if found is None:
        raise NotFound("there is no such phrase", field="phrase")
    return found


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotPermitted("only a person has phrases", field="actor")
    return actor.user_id
