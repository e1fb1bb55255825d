"""Take in what devices report (PS3.4 F.7.2): each function is one transaction, committed before the device is answered.

A refusal changes nothing; the device is told why by the DIMSE status of the error (:mod:`ris_core.performed.errors`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.devices.models import Device
from ris_core.devices.registered import neighbours_of
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_message
from ris_core.performed import attributes as read
from ris_core.performed import effects, rules
from ris_core.performed.errors import (
    DuplicateInstance,
    InvalidAttributeValue,
    InvalidInstance,
    MissingAttribute,
    MissingAttributeValue,
    NoLongerUpdated,
    NoSuchInstance,
    NotAuthorised,
    NotTheCreator,
)
from ris_core.performed.models import (
    FINAL_STATUSES,
    PerformedFor,
    PerformedProcedureStep,
    PerformedStatus,
    PerformedStepMessage,
)
from ris_core.performed.rules import Oddity
from ris_core.performed.tying import locked_procedures, steps_of, tie_to_orders

_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
_REQUIRED_TO_CREATE: Final = (
    read.SCHEDULED_STEP_ATTRIBUTES, read.PROCEDURE_STEP_ID, read.STATION_AE_TITLE, read.START_DATE, read.START_TIME,
    read.STATUS, read.MODALITY,
)  # fmt: skip
"""Type 1 for the SCU of N-CREATE (PS3.4 table F.7.2-1)."""
_REQUIRED_AT_THE_END: Final = {
    PerformedStatus.COMPLETED: (read.END_DATE, read.END_TIME, read.PERFORMED_SERIES),
    PerformedStatus.DISCONTINUED: (read.END_DATE, read.END_TIME),
}
_NOT_TO_BE_SET: Final = frozenset(
    {"00080005", read.SCHEDULED_STEP_ATTRIBUTES, read.PROCEDURE_STEP_ID, read.STATION_AE_TITLE, read.START_DATE}
    | {read.START_TIME, read.MODALITY, "00100010", "00100020", "00100021", "00100030", "00100040", "00200010"}
)
"""Attributes that N-SET may not change (PS3.4 table F.7.2-1); what it says of them is kept with the message only."""


@dataclass(frozen=True, slots=True)
class Report:
    """One N-CREATE or N-SET."""

    sop_instance_uid: str
    ae_title: str
    """The calling AE title."""
    address: str
    attributes: dict[str, Any]
    """The dataset in the DICOM JSON model."""
    dataset: bytes
    """The dataset as received."""
    transfer_syntax_uid: str
    received_at: datetime = field(default_factory=timezone.now)

    @property
    def actor(self) -> Actor:
        return Actor(f"modality:{self.ae_title}", address=self.address, kind=ActorKind.DEVICE)


def is_registered(ae_title: str) -> bool:
    """Whether reports of this device are taken: any device's when the registry is not asked (``dicom``)."""
    if not settings.QUANG.dicom.registered_only:
        return True
    return Device.objects.filter(ae_title=ae_title, active=True).exists()


def begin_performed_step(report: Report) -> PerformedProcedureStep:
    """N-CREATE: a device has begun.

    :raises ReportRefused: see :mod:`ris_core.performed.errors`
    """
    _require_registered(report)
    if not _UID.fullmatch(report.sop_instance_uid) or len(report.sop_instance_uid) > 64:
        raise InvalidInstance("the SOP Instance UID is missing or no UID", field="00001000")
    _require(report.attributes, _REQUIRED_TO_CREATE)
    if any(not reference.study_instance_uid for reference in read.references(report.attributes)):
        raise MissingAttributeValue("a scheduled step has no Study Instance UID", field="0020000D")
    if read.text(report.attributes, read.STATUS) != PerformedStatus.IN_PROGRESS:
        raise InvalidAttributeValue("a performed step begins IN PROGRESS", field=read.STATUS)
    with transaction.atomic():
        return _begin(report)


def _begin(report: Report) -> PerformedProcedureStep:
    performed, made = PerformedProcedureStep.objects.get_or_create(
        sop_instance_uid=report.sop_instance_uid,
        defaults={
            "ae_title": report.ae_title[:16],
            "modality": read.text(report.attributes, read.MODALITY)[:16],
            "study_instance_uid": read.references(report.attributes)[0].study_instance_uid,
            "attributes": report.attributes,
            "created_at": report.received_at,
        },
    )
    if not made:
        raise DuplicateInstance("a performed step with this SOP Instance UID is here", field="00001000")
    procedures, odd = tie_to_orders(performed)
    odd += effects.tell_of_withdrawn(performed, procedures)
    _take_over(performed, [*odd, *_odd_times(performed)])
    effects.work_has_begun(procedures, steps_of(performed), report.received_at)
    _note(performed, report, PerformedStepMessage.Operation.CREATE, "performed.begun")
    return performed


def set_performed_step(report: Report) -> PerformedProcedureStep:
    """N-SET: a device tells more, or that it is done. The very same message again changes nothing.

    :raises ReportRefused: see :mod:`ris_core.performed.errors`
    """
    _require_registered(report)
    with transaction.atomic():
        return _set(report)


def _set(report: Report) -> PerformedProcedureStep:
    # exams before the step, as everywhere
    keys = PerformedFor.objects.filter(performed__sop_instance_uid=report.sop_instance_uid)
    procedures = locked_procedures(keys.values_list("procedure_id", flat=True))
    performed = (
        PerformedProcedureStep.objects.select_for_update().filter(sop_instance_uid=report.sop_instance_uid).first()
    )
    if performed is None:
        raise NoSuchInstance("no performed step with this SOP Instance UID is here", field="00001001")
    if report.ae_title != performed.ae_title and report.ae_title not in neighbours_of(performed.ae_title):
        raise NotTheCreator("another device began this step; put both in one device group", field="00020016")
    if performed.status in FINAL_STATUSES:
        if _is_repeat(performed, report):
            return performed
        raise NoLongerUpdated("Performed Procedure Step object may no longer be updated", field=read.STATUS)
    said = {tag: value for tag, value in report.attributes.items() if tag not in _NOT_TO_BE_SET}
    merged = {**performed.attributes, **said}
    status = read.text(merged, read.STATUS)
    if status not in PerformedStatus.values:
        raise InvalidAttributeValue("no such Performed Procedure Step Status", field=read.STATUS)
    _require(merged, _REQUIRED_AT_THE_END.get(PerformedStatus(status), ()))
    performed.attributes = merged
    performed.status = PerformedStatus(status)
    if performed.status in FINAL_STATUSES:
        performed.finished_at = report.received_at
    kept = [code for code in performed.warnings if code not in (Oddity.CLOCK, Oddity.ENDED_BEFORE_STARTED)]
    _take_over(performed, [*kept, *_odd_times(performed)])
    _follow(performed, procedures, report.received_at)
    ignored = sorted(set(report.attributes) - set(said) - {"00080005"})
    _note(performed, report, PerformedStepMessage.Operation.SET, _ACTIONS[performed.status], ignored=ignored)
    return performed


_ACTIONS: Final[dict[str, str]] = {
    PerformedStatus.IN_PROGRESS: "performed.changed",
    PerformedStatus.COMPLETED: "performed.completed",
    PerformedStatus.DISCONTINUED: "performed.discontinued",
}


def _follow(performed: PerformedProcedureStep, procedures: list[Any], at: datetime) -> None:
    steps = steps_of(performed)
    if performed.status == PerformedStatus.COMPLETED:
        effects.work_is_done(performed, procedures, steps, at)
    elif performed.status == PerformedStatus.DISCONTINUED:
        code, _ = read.discontinuation(performed.attributes)
        never_begun = code == rules.WRONG_WORKLIST_ENTRY
        effects.work_was_broken_off(performed, procedures, steps, never_begun=never_begun)
    else:
        return
    effects.have_images_checked(procedures)


def _take_over(performed: PerformedProcedureStep, odd: list[Any]) -> None:
    """Save what follows from the attributes."""
    performed.series = [series.as_json() for series in read.series(performed.attributes)]
    performed.warnings = [str(oddity) for oddity in odd]
    performed.save()


def _odd_times(performed: PerformedProcedureStep) -> list[Oddity]:
    zone = ZoneInfo(settings.QUANG.site.time_zone)
    return rules.odd_times(
        read.moment(performed.attributes, read.START_DATE, read.START_TIME, zone),
        read.moment(performed.attributes, read.END_DATE, read.END_TIME, zone),
        performed.created_at,
    )


def _note(performed: PerformedProcedureStep, report: Report, operation: str, action: str, **details: Any) -> None:
    """Keep the message, forward it to whom it may concern, audit, tell live screens."""
    message = PerformedStepMessage.objects.create(
        performed=performed,
        operation=operation,
        dataset=report.dataset,
        transfer_syntax_uid=report.transfer_syntax_uid,
        address=report.address,
        received_at=report.received_at,
    )
    tied = PerformedFor.objects.filter(performed=performed).order_by("pk").select_related("procedure")
    procedures = list(dict.fromkeys(row.procedure for row in tied))
    announce_message(
        Event.MPPS_RECEIVED,
        subject=f"mpps_message:{message.pk}",
        thread=f"mpps:{performed.sop_instance_uid}",
        modality=performed.modality,
        procedure_id=procedures[0].pk if procedures else None,
    )
    record(
        report.actor,
        action,
        subject=f"performed:{performed.pk}",
        patient_id=procedures[0].patient_id if procedures else None,
        procedures=[procedure.pk for procedure in procedures],
        warnings=performed.warnings,
        **details,
    )
    announce("performed", performed.pk)


def _is_repeat(performed: PerformedProcedureStep, report: Report) -> bool:
    """Whether the device, which did not hear our answer, says the last thing again."""
    last = performed.messages.order_by("pk").last()
    return last is not None and bytes(last.dataset) == report.dataset and last.operation == "N-SET"


def _require_registered(report: Report) -> None:
    if not is_registered(report.ae_title):
        raise NotAuthorised("the calling AE title is not registered as a device", field="00020016")


def _require(attributes: dict[str, Any], tags: tuple[str, ...]) -> None:
    for tag in tags:
        if tag not in attributes:
            raise MissingAttribute(f"attribute ({tag[:4]},{tag[4:]}) is missing", field=tag)
        if not attributes[tag].get("Value"):
            raise MissingAttributeValue(f"attribute ({tag[:4]},{tag[4:]}) needs a value", field=tag)
