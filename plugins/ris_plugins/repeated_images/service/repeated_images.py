"""What is done for each image as it is received: for nearly all nothing, since their series is new.

The engine keeps the first file under a UID and answers success to every further one, asking nobody. Another image
under the UID of a stored one is therefore kept (:mod:`ris_core.studies.kept_copies`) before the device gets its answer;
if it cannot be kept the device is told to send it again later, and still has it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Final

from ris_core.studies.dicom_file import read_dicom_file, series_instance_uid, sop_instance_uid
from ris_core.studies.elements import HeaderIncomplete, HeaderUnreadable
from ris_core.studies.engine_ids import engine_ids
from ris_core.studies.file_differences import difference
from ris_core.studies.kept_copies import NoRoomForCopy, is_kept, keep_copy
from ris_plugins.repeated_images.service.new_series import NewSeries

MOST_LET_IN: Final = 4_096
"""UIDs remembered of images that may still be on their way into the engine."""
STORED_WITHIN_SECONDS: Final = 10.0
"""The engine has stored by then what it was let take, or has failed to."""
LONGEST_WAIT_SECONDS: Final = 3.0
_LOOK_AGAIN_SECONDS: Final = 0.02


class RepeatedImages:
    """Compares what arrives with what is stored under the same UID.

    :param stored_under: the engine's instances under a SOPInstanceUID
    :param has_any_of: whether the engine has anything of a SeriesInstanceUID
    :param stored_file: an instance's file; raises when it is gone
    :param unit: lends a database connection
    :param report: a warning in the log, without patient data
    """

    def __init__(
        self,
        stored_under: Callable[[str], Sequence[str]],
        has_any_of: Callable[[str], bool],
        stored_file: Callable[[str], bytes],
        unit: Callable[[], AbstractContextManager[None]],
        report: Callable[..., None],
    ) -> None:
        self._stored_under = stored_under
        self._stored_file = stored_file
        self._unit = unit
        self._report = report
        self._new_series = NewSeries(has_any_of)
        self._let_in: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def comes_on_another_way(self, file: bytes) -> None:
        """Not from a device: what is known of its series is no longer all."""
        self._new_series.gets_others(series_instance_uid(file))

    def may_go_on(self, file: bytes) -> bool:
        """True: nothing is lost when the engine now does with ``file`` what it does. False: the device must keep it.

        :raises Exception: it cannot be told; the image is refused
        """
        series_uid, uid = series_instance_uid(file), sop_instance_uid(file)
        stored = () if self._new_series.is_first(series_uid, uid) else self._stored_under(uid)
        if not stored:
            if not self._was_let_in_just_now(uid):
                return True
            stored = self._wait_until_stored(uid)
            if not stored:
                self._report("an image came again while it was being stored; the device sends it again")
                return False
        return self._compare(uid, stored, file)

    def _was_let_in_just_now(self, uid: str) -> bool:
        """Another association may be sending the same UID, and the engine not have it yet."""
        now = time.monotonic()
        with self._lock:
            before = self._let_in.get(uid)
            if before is not None and now - before < STORED_WITHIN_SECONDS:
                return True
            self._let_in[uid] = now
            self._let_in.move_to_end(uid)
            if len(self._let_in) > MOST_LET_IN:
                self._let_in.popitem(last=False)
        return False

    def _wait_until_stored(self, uid: str) -> Sequence[str]:
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not (stored := self._stored_under(uid)) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)
        return stored

    def _compare(self, uid: str, stored: Collection[str], file: bytes) -> bool:
        try:
            ids = engine_ids(read_dicom_file(file))
        except (HeaderUnreadable, HeaderIncomplete):
            ids = None
        if ids is not None and ids.instance not in stored:
            return True  # of another patient, study or series: the engine keeps both
        there = self._stored_file(ids.instance if ids is not None else next(iter(stored)))
        what = difference(there, file)
        if what is None:
            return True
        with self._unit():
            study = engine_ids(read_dicom_file(there)).study if ids is None else ids.study
            if is_kept(file, uid, study):
                return True
            try:
                copy = keep_copy(file, uid, study, what)
            except NoRoomForCopy as full:
                self._report("another image under the UID of a stored one was refused", code=full.code)
                return False
        self._report("another image under the UID of a stored one is kept", copy=copy.pk, difference=what.value)
        return True
