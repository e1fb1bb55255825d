"""The DICOM service that devices report to: Modality Performed Procedure Step SCP (PS3.4 F.7) and Verification; and
ask for their worklist when they read another character set than the engine writes (:mod:`ris_core.worklist.scp`).

Thin: reads the DIMSE message, calls :mod:`ris_core.performed.services`, answers with its outcome. Each association has
a thread of pynetdicom's; a database connection lasts as long as one message.
"""

from __future__ import annotations

import dataclasses
import logging
import ssl
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from ipaddress import ip_address
from typing import Any, Final
from weakref import WeakSet

from django.db import DatabaseError, DataError, InterfaceError, connection
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep, Verification  # type: ignore[attr-defined]
from pynetdicom.transport import ThreadedAssociationServer

from ris_core.devices.admission import Caller, Reason, Service, why_refused
from ris_core.devices.models import Device
from ris_core.devices.node_tls import node_context
from ris_core.devices.nodes import known_node
from ris_core.devices.services import Refusal, note_refusals
from ris_core.hl7.mllp_tls import names_of
from ris_core.performed.datasets import as_json
from ris_core.performed.errors import InvalidAttributeValue, NotAuthorised, ReportRefused, TooLarge
from ris_core.performed.refused import Operation, keep_refused, take_in
from ris_core.performed.services import Report
from ris_core.settings import Settings
from ris_core.worklist import scp as worklist

log = logging.getLogger(__name__)

TRANSFER_SYNTAXES: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_PROCESSING_FAILURE: Final = 0x0110
_POLL_SECONDS: Final = 0.05
_HANDSHAKE_SECONDS: Final = 10.0
_Answer = tuple[Dataset, None]


class _TlsServer(ThreadedAssociationServer):
    """Shakes hands in the association's thread: one node that says nothing does not keep others waiting."""

    def get_request(self) -> tuple[Any, tuple[str, int]]:
        """A connection that is wrapped, with the handshake to come."""
        assert self.ssl_context is not None and self.socket is not None  # noqa: S101, PT018 (it is made with both)
        plain, address = self.socket.accept()
        plain.settimeout(_HANDSHAKE_SECONDS)
        return self.ssl_context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Hand the connection on when the handshake has succeeded."""
        try:
            request.do_handshake()
            request.settimeout(None)
        except OSError as error:  # ssl.SSLError too
            reason = getattr(error, "reason", "") or type(error).__name__
            log.warning("TLS with %s failed: %s", client_address[0], reason)
            self.shutdown_request(request)
            return
        super().finish_request(request, client_address)


class PerformedStepProvider:
    """The service, from :meth:`start` to :meth:`stop`."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.mpps
        entity = AE(ae_title=settings.dicom.ae_title)
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
        self._registered_only = settings.dicom.registered_only
        self._check_addresses = settings.dicom.check_addresses
        self._plain = settings.dicom.plain
        self._tls = (settings.dicom.tls_host, limits.tls_port) if limits.tls_port else None
        self._tls_context = node_context(settings) if limits.tls_port else None
        self._servers: list[Any] = []
        self._unjudged: WeakSet[Any] = WeakSet()
        """Associations of which the database could not say whether they may be: their messages ask again."""

    @property
    def port(self) -> int:
        """Where it listens without TLS, once started."""
        return int(self._servers[0].server_address[1])

    @property
    def tls_port(self) -> int:
        """Where it listens with TLS, once started with it."""
        return int(self._servers[-1].server_address[1])

    def start(self) -> None:
        """Listen, in threads of their own.

        :raises OSError: the address cannot be listened on
        """
        handlers: list[Any] = [
            (evt.EVT_C_ECHO, self._echoed),
            (evt.EVT_C_FIND, self._found),
            (evt.EVT_N_CREATE, self._created),
            (evt.EVT_N_SET, self._changed),
            (evt.EVT_REQUESTED, self._requested),
        ]
        # also when plain associations are refused: the suite itself looks there whether the service works
        self._servers = [self._entity.start_server(self._address, block=False, evt_handlers=handlers)]
        if self._tls is not None:
            secured = self._entity.make_server(
                self._tls, ssl_context=self._tls_context, evt_handlers=handlers, server_class=_TlsServer
            )
            self._entity._servers.append(secured)  # where its shutdown takes it out again
            threading.Thread(target=secured.serve_forever, name="mpps-tls", daemon=True).start()
            self._servers.append(secured)

    def stop(self, grace_seconds: float = 5.0) -> None:
        """Take no more associations, let those that are at work end, and abort those that are open still: their
        threads would keep the process alive. A second time does nothing."""
        servers, self._servers = self._servers, []
        if not servers:
            return
        for server in servers:
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

    def _found(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        try:
            self._judge(event)
        except (DatabaseError, InterfaceError, NotAuthorised) as error:
            log.warning("worklist query of %s refused: %s", _caller(event), type(error).__name__)
            yield worklist.UNABLE_TO_PROCESS, None
            return
        finally:
            connection.close()
        yield from self._worklist.found(event)

    def _created(self, event: evt.Event) -> _Answer:
        request: Any = event.request
        return self._answered(event, Operation.CREATE, request.AffectedSOPInstanceUID, request.AttributeList)

    def _changed(self, event: evt.Event) -> _Answer:
        request: Any = event.request
        return self._answered(event, Operation.SET, request.RequestedSOPInstanceUID, request.ModificationList)

    def _answered(
        self, event: evt.Event, operation: Operation, sop_instance_uid: str | None, encoded: BytesIO | None
    ) -> _Answer:
        """Success when the report has been committed, and never otherwise; what is refused is kept for people."""
        report = _report(event, str(sop_instance_uid or ""), encoded)
        try:
            self._judge(event)
            self._take_in(report, operation)
        except ReportRefused as refused:
            log.warning("%s of %s refused: %s", operation, report.ae_title, refused.code)
            return self._refused(report, operation, refused)
        except DataError:
            log.error("%s of %s has a value that the database cannot keep", operation, report.ae_title)
            return self._refused(report, operation, InvalidAttributeValue("a value cannot be kept"))
        except (DatabaseError, InterfaceError) as error:
            log.error("%s of %s failed: %s", operation, report.ae_title, type(error).__name__)
            return _status(_PROCESSING_FAILURE, "the database cannot be used, send it again"), None
        except Exception:  # pynetdicom, whose log is silent, would answer the same and tell nobody
            log.exception("%s of %s failed", operation, report.ae_title)
            return self._refused(report, operation, ReportRefused("the report could not be taken in"))
        finally:
            connection.close()
        return _status(0x0000), None

    def _take_in(self, report: Report, operation: Operation) -> None:
        if len(report.dataset) > self._largest:
            raise TooLarge(f"the dataset is larger than {self._largest} bytes")
        attributes = as_json(report.dataset, report.transfer_syntax_uid)
        take_in(dataclasses.replace(report, attributes=attributes), operation)

    def _refused(self, report: Report, operation: Operation, refused: ReportRefused) -> _Answer:
        try:
            keep_refused(self._bounded(report), operation, refused)
        except (DatabaseError, InterfaceError) as error:  # the device is told all the same
            log.error("a refused %s of %s is not kept: %s", operation, report.ae_title, type(error).__name__)
        return _status(refused.status, refused.detail, refused.error_id), None

    def _bounded(self, report: Report) -> Report:
        """Without what is too large to be kept, and with what can be read."""
        if len(report.dataset) > self._largest:
            return dataclasses.replace(report, dataset=b"")
        try:
            return dataclasses.replace(report, attributes=as_json(report.dataset, report.transfer_syntax_uid))
        except InvalidAttributeValue:
            return report

    def _requested(self, event: evt.Event) -> None:
        """Reject who may not associate; it stands on the page of devices, with the reason."""
        caller = _caller_of(event)
        self._unjudged.add(event.assoc)
        try:
            reason = self._why_refused(caller)
        except (DatabaseError, InterfaceError) as error:
            # Without a database all may: each message asks for the registry again, and is answered that it cannot be
            # kept now. A device would take a rejection for a mistake in its configuration.
            log.error("devices cannot be looked up: %s", type(error).__name__)
            return
        finally:
            connection.close()
        if reason is None:
            self._unjudged.discard(event.assoc)
            return
        try:
            note_refusals([Refusal(caller.ae_title, Service.REPORT, caller.address, timezone.now(), reason)])
        except (DatabaseError, InterfaceError) as error:
            log.warning("the rejection of %s is not noted: %s", caller.ae_title, type(error).__name__)
        finally:
            connection.close()
        event.assoc.acse.send_reject(0x01, 0x01, 0x03)  # calling AE title not recognised (PS3.8 §9.3.4)
        event.assoc.kill()

    def _judge(self, event: evt.Event) -> None:
        """What could not be asked when the association came, before anything is taken or told.

        :raises NotAuthorised: it should not have been let in
        :raises DatabaseError: it cannot be asked now either
        """
        if event.assoc not in self._unjudged:
            return
        if (reason := self._why_refused(_caller_of(event))) is not None:
            raise NotAuthorised(f"the association is not this device's: {reason}", field="00020016")
        self._unjudged.discard(event.assoc)

    def _why_refused(self, caller: Caller) -> Reason | None:
        """The suite's own title may look from this machine whether the service works, and do no more: no report of it
        is taken while registration is asked for."""
        if not self._registered_only:
            return None
        if caller.ae_title == self._entity.ae_title and ip_address(caller.address).is_loopback:
            return None
        reason = why_refused(known_node(caller.ae_title), caller, check_addresses=self._check_addresses)
        return Reason.PLAIN if reason is None and caller.certificate is None and not self._plain else reason


def _report(event: evt.Event, sop_instance_uid: str, encoded: BytesIO | None) -> Report:
    """As it came; its attributes have not been read yet."""
    return Report(
        sop_instance_uid=sop_instance_uid,
        ae_title=_caller(event),
        address=str(event.assoc.requestor.address or ""),
        attributes={},
        dataset=encoded.getvalue() if encoded is not None else b"",
        transfer_syntax_uid=str(event.context.transfer_syntax),
    )


def _caller_of(event: evt.Event) -> Caller:
    peer = event.assoc.requestor
    request = peer.primitive
    title = str(request.calling_ae_title if request is not None else peer.ae_title).strip()
    connected = event.assoc.dul.socket
    tls = connected.socket if connected is not None and isinstance(connected.socket, ssl.SSLSocket) else None
    return Caller(title, str(peer.address or ""), names_of(tls) if tls is not None else None)


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
