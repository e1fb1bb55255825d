"""What DICOM nodes have queried and retrieved, in the audit trail: who, from where, at what level, how much.

Values that were searched for are not kept: they name patients. A retrieval names the study, and so whose it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.devices.admission import Service
from ris_core.studies.models import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOperation:
    """A query (C-FIND) or a retrieval (C-MOVE, C-GET) with its outcome."""

    ae_title: str
    address: str
    at: datetime
    service: Service
    level: str
    """PATIENT, STUDY, SERIES or IMAGE; empty when it is none of them."""
    answers: int
    """Of a query; of a retrieval the instances that were sent."""
    failed: int = 0
    study_uids: tuple[str, ...] = ()
    destination: str = ""
    """AE title that the images were sent to, when not to who asked."""
    status: int | None = None
    """DIMSE status of the last response; none when the association ended before it."""


def record_operations(operations: Sequence[NodeOperation]) -> None:
    """Each in the audit trail; a retrieval once for each patient whose studies it names."""
    with transaction.atomic():
        for operation in operations:
            for patient_id in _patients(operation.study_uids):
                record(
                    Actor(f"modality:{operation.ae_title}", address=operation.address, kind=ActorKind.DEVICE),
                    "images.queried" if operation.service is Service.QUERY else "images.retrieved",
                    subject=" ".join(operation.study_uids)[:255],
                    patient_id=patient_id,
                    success=operation.status is not None and operation.status in (0x0000, 0xB000),
                    level=operation.level,
                    answers=operation.answers,
                    failed=operation.failed,
                    destination=operation.destination,
                    status="" if operation.status is None else f"{operation.status:04X}",
                    at=operation.at.isoformat(),
                )


def _patients(study_uids: Sequence[str]) -> list[int | None]:
    """Whose studies these are; one None when nobody's here."""
    if not study_uids:
        return [None]
    found = Study.objects.filter(study_instance_uid__in=study_uids, patient__isnull=False)
    return list(found.values_list("patient_id", flat=True).distinct()) or [None]
