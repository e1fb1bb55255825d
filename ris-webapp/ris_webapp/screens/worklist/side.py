"""The lists beside the worklist: of the role, saved ones, folders, tags; each with how many exams it shows now."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from django.db.models import Count as CountOf
from django.utils.translation import gettext_lazy as _

from ris_core.accounts.models import User
from ris_core.exam_lists.models import SavedList, Tag
from ris_core.exam_lists.services import folders_of, lists_for
from ris_core.exam_lists.starting import start_of
from ris_core.sight.seeing import Sight, sight_of
from ris_webapp.screens.worklist.facets import MOST_FOUND, Count
from ris_webapp.screens.worklist.filters import Filter
from ris_webapp.screens.worklist.listing import filtered, with_chips
from ris_webapp.words import Text

FRESH_SECONDS: Final = 3.0
MOST_TAGS: Final = 20

_EVERYBODY: Final[tuple[tuple[Text, Filter], ...]] = ((_("Cả tuần này"), Filter()),)
_READING: Final[tuple[tuple[Text, Filter], ...]] = (
    (_("Chờ đọc"), Filter(state="ready")),
    (_("Cấp cứu chờ đọc"), Filter(state="ready", priority="stat")),
    (_("Nội trú chờ đọc"), Filter(state="ready", patient_class="I")),
    (_("Quá hạn đọc"), Filter(late=True, when="all")),
    (_("Của tôi"), Filter(mine=True)),
)
_ACQUIRING: Final[tuple[tuple[Text, Filter], ...]] = (
    (_("Chờ chụp hôm nay"), Filter(state="ordered", when="today")),
    (_("Đang chụp"), Filter(state="acquiring", when="today")),
    (_("Đã chụp, chờ đọc"), Filter(state="ready", when="today")),
)
LISTS_OF_ROLE: Final[dict[str, tuple[tuple[Text, Filter], ...]]] = {
    **dict.fromkeys(("RESIDENT", "RADIOLOGIST", "SENIOR"), _READING + _EVERYBODY),
    "SECRETARY": (*_READING[-1:], *_EVERYBODY),
    "TECHNOLOGIST": _ACQUIRING + _EVERYBODY,
    "RECEPTION": ((_("Chờ chụp hôm nay"), Filter(state="ordered", when="today")), *_EVERYBODY),
    "CLINICIAN": ((_("Có kết quả tuần này"), Filter(state="final")), *_EVERYBODY),
}
"""What each role finds there before anybody has saved a list, first that with which its day begins; other roles find
what readers do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One list: its name, where it leads, how many exams it shows."""

    name: Text
    address: str
    count: Count
    current: bool
    start: bool = False
    """Whether the user's day begins with it."""
    saved: SavedList | None = None
    folder_id: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """All lists of a user."""

    of_role: list[Entry]
    saved: list[Entry]
    shared: list[Entry]
    folders: list[Entry]
    tags: list[Entry]


class _Counts:
    """Counts of a moment ago, shared by everybody who sees the same list. Each web process keeps its own, and forgets
    them by its own users' actions only: a user's personal counts are never kept, so that what one has just done is
    seen whichever process answers."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Count]] = {}
        self._lock = threading.Lock()

    def of(self, wanted: Filter, user: User, sight: Sight) -> Count:
        personal = wanted.mine or wanted.folder or not sight.is_whole
        key = wanted.address()
        kept = None if personal else self._kept.get(key)
        if kept and kept[0] > time.monotonic():
            return kept[1]
        number = 0
        exams = with_chips(filtered(wanted, user, sight), wanted)
        for each in (exams.newest, exams.all):
            if each is not None and number <= MOST_FOUND:
                number = len(each.values_list("pk", flat=True)[: MOST_FOUND + 1])
        count = Count(min(number, MOST_FOUND), number > MOST_FOUND)
        if personal:
            return count
        with self._lock:
            if len(self._kept) > 2000:
                self._kept.clear()
            self._kept[key] = (time.monotonic() + FRESH_SECONDS, count)
        return count

    def forget(self) -> None:
        self._kept.clear()


COUNTS = _Counts()


def starting_list(user: User) -> Filter:
    """The list with which the user's day begins: chosen, or the first that their role finds."""
    chosen = start_of(user)
    return lists_of(user.role)[0][1] if chosen is None else Filter.parse(chosen)


def lists_of(role: str) -> tuple[tuple[Text, Filter], ...]:
    """What a role finds before anybody has saved a list."""
    return LISTS_OF_ROLE.get(role, _READING + _EVERYBODY)


def side_for(user: User, present: Filter) -> Side:
    """The lists of ``user``; ``present`` is the one they look at."""

    sight, start = sight_of(user), starting_list(user).address()

    def entry(name: Text, wanted: Filter, saved: SavedList | None = None) -> Entry:
        address = wanted.address()
        current = address == present.address()
        return Entry(name, address, COUNTS.of(wanted, user, sight), current, address == start, saved, wanted.folder)

    lists = list(lists_for(user))
    saved = [entry(each.name, Filter.parse(each.parameters), each) for each in lists]
    tags = Tag.objects.annotate(count=CountOf("exams")).filter(count__gt=0).order_by("-count", "name")[:MOST_TAGS]
    return Side(
        of_role=[entry(name, wanted) for name, wanted in lists_of(user.role)],
        saved=[each for each in saved if each.saved and not each.saved.shared],
        shared=[each for each in saved if each.saved and each.saved.shared],
        folders=[entry(each.name, Filter(folder=each.pk, when="all")) for each in folders_of(user.pk)],
        tags=[entry(each.name, Filter(tag=each.pk, when="all")) for each in tags],
    )
