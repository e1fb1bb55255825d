"""Send one normalised DICOM message to a node and judge its status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association

from ris_core.outbox.errors import NotAcknowledged, ReceiverUnreachable
from ris_core.settings import Settings

TRANSFER_SYNTAXES: Final = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_WARNINGS: Final = range(0xB000, 0xC000)


def exchange(
    ae_title: str,
    host: str,
    port: int,
    sop_class: str,
    send: Callable[[Association], tuple[Dataset, Any]],
    settings: Settings,
    *,
    also_accepted: Callable[[Dataset], bool] = lambda _status: False,
) -> bytes:
    """The node's status as text.

    :param send: one DIMSE operation on an established association
    :param also_accepted: failure statuses that mean that the node has it already
    :raises ReceiverUnreachable: there was no association: it cannot have seen anything
    :raises NotAcknowledged: it answered with a failure, or not at all
    """
    entity = AE(ae_title=settings.dicom.ae_title)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = settings.delivery.timeout_seconds
    entity.network_timeout = settings.delivery.timeout_seconds
    entity.add_requested_context(sop_class, TRANSFER_SYNTAXES)
    association = entity.associate(host, port, ae_title=ae_title)
    if not association.is_established:
        association.abort() if association.is_alive() else None
        rejected = "rejected the association" if association.is_rejected else "cannot be reached by DICOM"
        raise ReceiverUnreachable(f"{ae_title} {rejected}")
    try:
        status, _ = send(association)
    except ValueError as error:  # the node took no presentation context for it
        raise ReceiverUnreachable(f"{ae_title} does not take this kind of message") from error
    finally:
        association.release()
    code = status.get("Status") if status else None
    if code is None:
        raise NotAcknowledged("the receiver did not answer the DIMSE message", answer=b"")
    answer = f"DIMSE status {code:04X} {status.get('ErrorComment', '')}".strip().encode()
    if code in (0x0000, 0x0001) or code in _WARNINGS or also_accepted(status):
        return answer
    raise NotAcknowledged(f"the receiver answered {code:04X}: {status.get('ErrorComment', '')}", answer=answer)
