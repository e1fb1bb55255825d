"""Refuses images that the engine would not let a filter see, because it has their UID already.

Orthanc 1.13.0 asks the filter only about images that are new to it. One that must not be acknowledged is therefore
given another UID while it is received; the filter then sees it, and the device is told to send it again.
"""

from __future__ import annotations

import secrets
import threading
from typing import Final

from orthanc_host.host import ArrivingImage
from ris_core.studies.dicom_file import read_dicom_file, sop_instance_uid
from ris_core.studies.elements import DEFLATED, file_meta

_MOST: Final = 1_000
"""Images under way to their refusal; each is there for milliseconds."""


class Refusals:
    """Images that are to be refused, by the UID given to them."""

    def __init__(self) -> None:
        self._uids: dict[str, None] = {}
        self._lock = threading.Lock()

    def begin(self, file: bytes) -> bytes:
        """``file`` under a UID that nothing has, and that :meth:`ends` knows."""
        known = sop_instance_uid(file)
        fresh = known[:1] + "".join(secrets.choice("123456789") for _ in known[1:])
        if len(known) > len("2.25.1234567890"):
            fresh = "2.25." + fresh[5:]
        with self._lock:
            self._uids[fresh] = None
            while len(self._uids) > _MOST:
                self._uids.pop(next(iter(self._uids)))
        if file_meta(file)[0] == DEFLATED:
            return read_dicom_file(file).under_sop_instance_uid(fresh).as_bytes()
        return file.replace(known.encode(), fresh.encode())

    def ends(self, image: ArrivingImage) -> bool:
        """Whether this is one of them; costs nothing while there are none."""
        if not self._uids:
            return False
        with self._lock:
            return self._uids.pop(sop_instance_uid(image.file()), self) is None
