"""The modality worklist of the service beside the engine (PS3.4 K.6.1): the same answers, in any character set.

Orthanc writes every worklist answer in UTF-8. A device that reads Latin-1 or GB18030 only asks here, where it also
reports its performed procedure steps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, connection
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]

from ris_core.devices.character_sets import ASCII
from ris_core.errors import QuangError
from ris_core.settings import Settings
from ris_core.worklist.answering import FetchLog, WorklistAnswering
from ris_core.worklist.encoding import as_file
from ris_core.worklist.services import FoundEntries

log = logging.getLogger(__name__)

SOP_CLASS: Final = ModalityWorklistInformationFind
_PENDING: Final = 0xFF00
_CANCELLED: Final = 0xFE00
UNABLE_TO_PROCESS: Final = 0xC000
_LARGEST_QUERY_BYTES: Final = 1024 * 1024


class WorklistProvider:
    """Answers C-FIND of the worklist: give :meth:`found` to pynetdicom as handler of ``EVT_C_FIND``."""

    def __init__(self, settings: Settings) -> None:
        self._fetch_log = FetchLog(lambda count: log.warning("%d worklist fetches forgotten", count))
        self._answering = WorklistAnswering(settings, self._fetch_log, writes_sets=True)

    def found(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        """Each answer with status FF00, only with what was asked for; FE00 at the end when there are more.

        A query that cannot be answered fails with C000: never an empty list that could be taken for "nobody waits".
        """
        request: Any = event.request
        encoded: BytesIO = request.Identifier
        try:
            found = self._find(event, encoded.getvalue())
            asked: Dataset = event.identifier
            for answer in found.answers:
                if event.is_cancelled:
                    yield _CANCELLED, None
                    return
                yield _PENDING, only_asked(dcmread(BytesIO(answer)), asked)
            if not found.complete:
                yield _CANCELLED, None
        except (DatabaseError, InterfaceError, QuangError) as error:
            log.warning("worklist query of %s failed: %s", _caller(event), type(error).__name__)
            yield UNABLE_TO_PROCESS, None
        except Exception:  # pynetdicom, whose log is silent, would tell nobody
            log.exception("worklist query of %s failed", _caller(event))
            yield UNABLE_TO_PROCESS, None
        finally:
            self._write_log()

    def _find(self, event: evt.Event, query: bytes) -> FoundEntries:
        implicit = event.context.transfer_syntax == ImplicitVRLittleEndian
        file = as_file(query[:_LARGEST_QUERY_BYTES], implicit=implicit)
        return self._answering.answer(file, _caller(event), str(event.assoc.requestor.address or ""))

    def _write_log(self) -> None:
        """Behind the answers; what cannot be written now waits for the next query."""
        try:
            self._fetch_log.write()
        except (DatabaseError, InterfaceError) as error:
            log.warning("worklist fetches not written yet: %s", type(error).__name__)
        finally:
            connection.close()


def only_asked(answer: Dataset, asked: Dataset) -> Dataset:
    """The attributes of ``answer`` that are keys of ``asked``, and its character set; of a sequence with an item the
    keys of that item, of one without everything."""
    returned = Dataset()
    character_set = answer.get_item(0x00080005)
    if character_set is not None and answer.SpecificCharacterSet != ASCII:
        returned[0x00080005] = character_set
    for element in asked:
        if element.tag not in answer or element.tag == 0x00080005:
            continue
        keys = element.value[0] if element.VR == "SQ" and element.value else None
        if keys is None or not len(keys):
            returned[element.tag] = answer.get_item(element.tag)
            continue
        items = [only_asked(item, keys) for item in answer[element.tag].value]
        returned.add_new(element.tag, "SQ", items)
    return returned


def _caller(event: evt.Event) -> str:
    return str(event.assoc.requestor.ae_title).strip()
