"""The DICOM service that devices report to: Modality Performed Procedure Step SCP (PS3.4 F.7) and Verification; and
ask for their worklist when they read another character set than the engine writes (:mod:`ris_core.worklist.scp`).

Thin: reads the DIMSE message, calls :mod:`ris_core.performed.services`, answers with its outcome. Each association has
a thread of pynetdicom's; a database connection lasts as long as one message.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final

from django.db import DatabaseError, DataError, InterfaceError, connection
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dsutils import decode
from pynetdicom.sop_class import ModalityPerformedProcedureStep, Verification  # type: ignore[attr-defined]

from ris_core.devices.models import Device
from ris_core.performed.errors import InvalidAttributeValue, ReportRefused, TooLarge
from ris_core.performed.services import Report, begin_performed_step, set_performed_step
from ris_core.settings import Settings
from ris_core.worklist import scp as worklist

log = logging.getLogger(__name__)

TRANSFER_SYNTAXES: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_PROCESSING_FAILURE: Final = 0x0110
_POLL_SECONDS: Final = 0.05
_Answer = tuple[Dataset, None]


class _Entity(AE):
    """An application entity that knows its callers from the registry, asked anew for each association."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(ae_title=settings.dicom.ae_title)
        self._registered_only = settings.dicom.registered_only

    @property  # type: ignore[misc]  # nobody sets it
    def require_calling_aet(self) -> list[str]:
        """AE titles that may associate; empty: all. The suite's own may, to see whether the service works.

        Without a database all may: each message asks for the registry again, and is answered that it cannot be kept
        now. A device would take a rejection for a mistake in its configuration.
        """
        if not self._registered_only:
            return []
        try:
            return [self.ae_title, *Device.objects.filter(active=True).values_list("ae_title", flat=True)]
        except (DatabaseError, InterfaceError) as error:
            log.error("devices cannot be looked up: %s", type(error).__name__)
            return []
        finally:
            connection.close()


class PerformedStepProvider:
    """The service, from :meth:`start` to :meth:`stop`."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.mpps
        entity = _Entity(settings)
        entity.require_called_aet = True
        entity.maximum_associations = limits.max_associations
        entity.maximum_pdu_size = limits.max_pdu_bytes
        entity.acse_timeout = entity.dimse_timeout = limits.answer_timeout_seconds
        entity.network_timeout = limits.idle_timeout_seconds
        for sop_class in (Verification, ModalityPerformedProcedureStep, worklist.SOP_CLASS):
            entity.add_supported_context(sop_class, TRANSFER_SYNTAXES)
        self._entity = entity
        self._worklist = worklist.WorklistProvider(settings)
        self._address = (settings.mpps_host, settings.mpps_port)
        self._largest = limits.max_dataset_bytes
        self._server: Any = None

    @property
    def port(self) -> int:
        """Where it listens, once started."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Listen, in threads of their own.

        :raises OSError: the address cannot be listened on
        """
        handlers: list[Any] = [
            (evt.EVT_C_ECHO, self._echoed),
            (evt.EVT_C_FIND, self._worklist.found),
            (evt.EVT_N_CREATE, self._created),
            (evt.EVT_N_SET, self._changed),
        ]
        self._server = self._entity.start_server(self._address, block=False, evt_handlers=handlers)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more associations, let those that are at work end, and abort those that are open still: their
        threads would keep the process alive. A second time does nothing."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        until = time.monotonic() + grace_seconds
        while self._entity.active_associations and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        self._entity.shutdown()

    # one DIMSE message each, in the association's thread

    def _echoed(self, _event: evt.Event) -> int:
        """Success says that reports can be taken: the database answers."""
        try:
            Device.objects.exists()
        except (DatabaseError, InterfaceError):
            return _PROCESSING_FAILURE
        finally:
            connection.close()
        return 0x0000

    def _created(self, event: evt.Event) -> _Answer:
        request: Any = event.request
        return self._answered(event, request.AffectedSOPInstanceUID, request.AttributeList, begin_performed_step)

    def _changed(self, event: evt.Event) -> _Answer:
        request: Any = event.request
        return self._answered(event, request.RequestedSOPInstanceUID, request.ModificationList, set_performed_step)

    def _answered(
        self, event: evt.Event, sop_instance_uid: str | None, encoded: BytesIO | None, act: Callable[[Report], Any]
    ) -> _Answer:
        """Success when ``act`` has been committed, and never otherwise."""
        try:
            act(self._report(event, str(sop_instance_uid or ""), encoded))
        except ReportRefused as refused:
            log.warning("%s of %s refused: %s", act.__name__, _caller(event), refused.code)
            return _status(refused.status, refused.detail, refused.error_id), None
        except DataError:
            log.error("%s of %s has a value that the database cannot keep", act.__name__, _caller(event))
            return _status(InvalidAttributeValue.status, "a value cannot be kept"), None
        except (DatabaseError, InterfaceError) as error:
            log.error("%s of %s failed: %s", act.__name__, _caller(event), type(error).__name__)
            return _status(_PROCESSING_FAILURE, "the database cannot be used, send it again"), None
        except Exception:  # pynetdicom, whose log is silent, would answer the same and tell nobody
            log.exception("%s of %s failed", act.__name__, _caller(event))
            return _status(_PROCESSING_FAILURE, "the report could not be taken in"), None
        finally:
            connection.close()
        return _status(0x0000), None

    def _report(self, event: evt.Event, sop_instance_uid: str, encoded: BytesIO | None) -> Report:
        dataset = encoded.getvalue() if encoded is not None else b""
        if len(dataset) > self._largest:
            raise TooLarge(f"the dataset is larger than {self._largest} bytes")
        syntax = event.context.transfer_syntax
        return Report(
            sop_instance_uid=sop_instance_uid,
            ae_title=_caller(event),
            address=str(event.assoc.requestor.address or ""),
            attributes=_as_json(dataset, implicit=syntax == ImplicitVRLittleEndian),
            dataset=dataset,
            transfer_syntax_uid=str(syntax),
        )


def _as_json(dataset: bytes, *, implicit: bool) -> dict[str, Any]:
    """The dataset in the DICOM JSON model; single values that make no sense are left out.

    :raises InvalidAttributeValue: it cannot be read at all
    """
    try:
        read = decode(BytesIO(dataset), is_implicit_vr=implicit, is_little_endian=True)
        return dict(read.to_json_dict(suppress_invalid_tags=True))
    except Exception as error:  # pydicom raises whatever a malformed element leads to
        raise InvalidAttributeValue(f"the dataset cannot be read ({type(error).__name__})") from error


def _caller(event: evt.Event) -> str:
    return str(event.assoc.requestor.ae_title).strip()


def _status(code: int, comment: str = "", error_id: int | None = None) -> Dataset:
    answer = Dataset()
    answer.Status = code
    if comment:
        answer.ErrorComment = comment[:64]
    if error_id is not None:
        answer.ErrorID = error_id
    return answer
