"""Searches in the audit trail: who looked for what, and whom they found (P16).

Words are kept as a keyed hash, by which it can be told who looked for the same, or as typed
(``audit.searched_words``). A search that a page repeats by itself, and the same one again within a minute, is not
written again.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from ris_core.audit.services import Actor, record
from ris_core.names import folded
from ris_webapp.client import actor_of

SAME_SEARCH_SECONDS: Final = 60.0
_MOST_REMEMBERED: Final = 2_000
MOST_PATIENTS: Final = 50
"""Keys of patients that are named in one event."""

_recent: dict[tuple[str, str, str, str], float] = {}


def note_search(request: HttpRequest, action: str, words: str, patient_ids: Iterable[int] = ()) -> None:
    """Record a search by the logged-in user; nothing for empty ``words``.

    :param patient_ids: whose data the answer shows
    """
    actor = actor_of(request)
    if words.strip() and not _repeated(actor, action, words):
        patients = sorted(set(patient_ids))
        record(actor, action, words=kept_words(words), found=len(patients), patients=patients[:MOST_PATIENTS])


def kept_words(words: str) -> str:
    """As the setting wants them: ``#`` and 16 hexadecimal digits of HMAC-SHA256 over the folded words, or as typed."""
    if settings.QUANG.audit.searched_words == "plain":
        return words[:200]
    key = hashlib.sha256(b"quang.audit.words" + settings.SECRET_KEY.encode()).digest()
    return "#" + hmac.new(key, folded(words).encode(), "sha256").hexdigest()[:16]


def _repeated(actor: Actor, action: str, words: str) -> bool:
    search = (actor.name, actor.address, action, words)
    now = time.monotonic()
    repeated = now - _recent.get(search, -SAME_SEARCH_SECONDS) < SAME_SEARCH_SECONDS
    if len(_recent) >= _MOST_REMEMBERED:
        _recent.clear()
    _recent[search] = now
    return repeated
