"""Series that the engine had nothing of when their first image came: which further UIDs in them are new is known here
without asking it again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST_UIDS: Final = 100_000
"""Remembered of all series together (some 20 MB); beyond, the oldest series are forgotten and asked for again."""


class NewSeries:
    """The UIDs of all images of a series, as long as none of it comes but through :meth:`is_first`.

    :param has_any_of: whether the engine has anything of a SeriesInstanceUID
    """

    def __init__(self, has_any_of: Callable[[str], bool]) -> None:
        self._has_any_of = has_any_of
        self._uids: OrderedDict[str, set[str] | None] = OrderedDict()
        self._count = 0
        self._must_ask_always = False
        self._lock = threading.Lock()

    def is_first(self, series_uid: str, uid: str) -> bool:
        """True: the engine has no image ``uid`` of the series, nor is one on its way. False: it must be asked.

        :param series_uid: empty where it could not be found; then the engine must be asked
        """
        if not series_uid or self._must_ask_always:
            return False
        with self._lock:
            if series_uid in self._uids:
                return self._first_of(series_uid, uid)
        had_any = self._has_any_of(series_uid)
        with self._lock:
            if had_any:
                self._forget_uids(series_uid)
            elif series_uid not in self._uids:
                self._uids[series_uid] = set()
                self._count += 1
            return self._first_of(series_uid, uid)

    def gets_others(self, series_uid: str) -> None:
        """Images come into the series on another way: from now on the engine must be asked for each of it; for each of
        every series where the series could not be found."""
        if not series_uid:
            self._must_ask_always = True
            return
        with self._lock:
            self._forget_uids(series_uid)

    def _first_of(self, series_uid: str, uid: str) -> bool:
        uids = self._uids[series_uid]
        if uids is None or uid in uids:
            return False
        uids.add(uid)
        self._count += 1
        while self._count > MOST_UIDS:
            _, oldest = self._uids.popitem(last=False)
            self._count -= 1 + len(oldest or ())
        return True

    def _forget_uids(self, series_uid: str) -> None:
        before = self._uids.get(series_uid)
        self._count += (series_uid not in self._uids) - len(before or ())
        self._uids[series_uid] = None
