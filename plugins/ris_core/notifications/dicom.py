"""DICOM nodes are told: Instance Availability Notification (PS3.4 R), and performed steps forwarded (PS3.4 F.7)."""

from __future__ import annotations

import uuid
from datetime import datetime
from io import BytesIO
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import decode, encode
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
)

from ris_core.devices.models import Device
from ris_core.engine.answers import StoredObject
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.errors import InvalidValue
from ris_core.notifications.models import Notification, NotificationReceiver
from ris_core.outbox.dimse import exchange
from ris_core.performed.models import PerformedProcedureStep, PerformedStepMessage
from ris_core.settings import Settings
from ris_core.studies.services import studies_of_procedure

_DUPLICATE: Final = 0x0111
_NO_LONGER_UPDATED: Final = 0xA710


def compose_availability(notification: Notification, _now: datetime, settings: Settings) -> bytes:
    """The Instance Availability Notification of an exam's studies, one dataset for each, encoded one after the other
    as items of a sequence.

    :raises InvalidValue: the exam has no images
    """
    if notification.procedure is None:
        raise InvalidValue("the notification is about no exam", field="procedure")
    composed = Dataset()
    composed.ReferencedStudySequence = []
    with Engine.from_settings(settings, "worker", timeout_seconds=60.0) as engine:
        for study in studies_of_procedure(notification.procedure.pk):
            try:
                instances = engine.stored_objects(study.orthanc_id)
            except NotInEngine:
                continue
            composed.ReferencedStudySequence.append(
                _availability(notification, study.study_instance_uid, instances, settings.dicom.ae_title)
            )
    if not composed.ReferencedStudySequence:
        raise InvalidValue("the exam has no images to notify of", field="procedure")
    return _encoded(composed)


def exchange_availability(notification: Notification, message: bytes, settings: Settings) -> bytes:
    """N-CREATE for each study; a repeat has the same SOP Instance UIDs."""
    studies = _decoded(message, implicit=False).ReferencedStudySequence
    return b"\n".join(_notify(notification, study, settings) for study in studies)


def _notify(notification: Notification, study: Dataset, settings: Settings) -> bytes:
    node = _node(notification.receiver)
    uid = _own_uid(notification, str(study.StudyInstanceUID))

    def send(association: Any) -> Any:
        return association.send_n_create(study, InstanceAvailabilityNotification, uid)

    def has_it_already(status: Dataset) -> bool:
        return bool(status.Status == _DUPLICATE)

    return exchange(
        node.ae_title, node.host, node.port, InstanceAvailabilityNotification, send, settings,
        also_accepted=has_it_already,
    )  # fmt: skip


def attempt_availability(receiver: NotificationReceiver, settings: Settings) -> None:
    """An association on which such notifications are taken."""
    _attempt(receiver, InstanceAvailabilityNotification, settings)


def attempt_forward(receiver: NotificationReceiver, settings: Settings) -> None:
    """An association on which performed procedure steps are taken."""
    _attempt(receiver, ModalityPerformedProcedureStep, settings)


def _attempt(receiver: NotificationReceiver, sop_class: str, settings: Settings) -> None:
    def sends_nothing(_association: Any) -> Any:
        answer = Dataset()
        answer.Status = 0x0000
        return answer, None

    node = _node(receiver)
    exchange(node.ae_title, node.host, node.port, sop_class, sends_nothing, settings)


def compose_forward(notification: Notification, _now: datetime, _settings: Settings) -> bytes:
    """The device's own dataset, byte for byte."""
    return bytes(_message(notification).dataset)


def exchange_forward(notification: Notification, message: bytes, settings: Settings) -> bytes:
    """The device's N-CREATE or N-SET, to another node."""
    node, original = _node(notification.receiver), _message(notification)
    dataset = _decoded(message, implicit=original.transfer_syntax_uid == ImplicitVRLittleEndian)
    uid = original.performed.sop_instance_uid
    repeated = notification.possibly_seen

    def send(association: Any) -> Any:
        if original.operation == PerformedStepMessage.Operation.CREATE:
            return association.send_n_create(dataset, ModalityPerformedProcedureStep, uid)
        return association.send_n_set(dataset, ModalityPerformedProcedureStep, uid)

    def has_it_already(status: Dataset) -> bool:
        """An earlier attempt arrived, and its answer was lost."""
        return repeated and (status.Status == _DUPLICATE or status.get("ErrorID") == _NO_LONGER_UPDATED)

    return exchange(
        node.ae_title, node.host, node.port, ModalityPerformedProcedureStep, send, settings,
        also_accepted=has_it_already,
    )  # fmt: skip


def _availability(
    notification: Notification, study_instance_uid: str, instances: list[StoredObject], ae_title: str
) -> Dataset:
    """PS3.3 C.4.23: what is available, where, and which performed steps made it."""
    item = Dataset()
    item.StudyInstanceUID = study_instance_uid
    performed = PerformedProcedureStep.objects.filter(performed_for__procedure=notification.procedure).distinct()
    item.ReferencedPerformedProcedureStepSequence = [
        _reference(ModalityPerformedProcedureStep, step.sop_instance_uid) for step in performed.order_by("pk")
    ]
    for reference in item.ReferencedPerformedProcedureStepSequence:
        reference.PerformedWorkitemCodeSequence = []
    by_series: dict[str, list[StoredObject]] = {}
    for instance in instances:
        by_series.setdefault(instance.series_instance_uid, []).append(instance)
    item.ReferencedSeriesSequence = []
    for series_instance_uid, of_series in sorted(by_series.items()):
        series = Dataset()
        series.SeriesInstanceUID = series_instance_uid
        series.ReferencedSOPSequence = []
        for instance in of_series:
            reference = _reference(instance.sop_class_uid, instance.sop_instance_uid)
            reference.InstanceAvailability = "ONLINE"
            reference.RetrieveAETitle = ae_title
            series.ReferencedSOPSequence.append(reference)
        item.ReferencedSeriesSequence.append(series)
    return item


def _own_uid(notification: Notification, study_instance_uid: str) -> str:
    """The notification's own SOP Instance UID, the same at every attempt (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{notification.control_id} {study_instance_uid}').int}"


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = sop_class_uid
    reference.ReferencedSOPInstanceUID = sop_instance_uid
    return reference


def _node(receiver: NotificationReceiver) -> Device:
    node = receiver.device
    if node is None:
        raise InvalidValue("the receiver has no DICOM address: choose the device that it is", field="device")
    return node


def _message(notification: Notification) -> PerformedStepMessage:
    kind, _, key = notification.subject.partition(":")
    if kind != "mpps_message":
        raise InvalidValue("the notification is about no device's message", field="subject")
    return PerformedStepMessage.objects.select_related("performed").get(pk=int(key))


def _encoded(dataset: Dataset) -> bytes:
    encoded = encode(dataset, is_implicit_vr=False, is_little_endian=True)
    if encoded is None:
        raise InvalidValue("the notification cannot be encoded", field="ReferencedStudySequence")
    return encoded


def _decoded(message: bytes, *, implicit: bool) -> Dataset:
    return decode(BytesIO(message), is_implicit_vr=implicit, is_little_endian=True)
