"""Use cases of reading and reporting; each is one transaction with its audit event.

What a report says is a :class:`ris_core.reports.content.Content`. Whether the caller's role may read or approve is
decided by the screen through :mod:`ris_core.accounts.rules`; these functions decide what the state allows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.services import owe_version
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.key_images.versions import freeze
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.reports.checks import flaws_of
from ris_core.reports.content import Content
from ris_core.reports.definition import Definition
from ris_core.reports.errors import AlreadyClaimed, ConclusionMissing, DraftConflict, ExamNotReady, ReportIncomplete
from ris_core.reports.exam import facts_of
from ris_core.reports.filling import filled
from ris_core.reports.models import Reading, ReadingState, ReportTemplate, ReportVersion, VersionStatus
from ris_core.reports.rules import (
    APPROVAL_VERB,
    EXAM_STATES_REPORTED,
    EXAM_STATES_TO_READ,
    Verb,
    next_state,
)
from ris_core.reports.texts import content_of, put_content
from ris_core.studies.models import StudyLink

_EVENTS = {
    VersionStatus.PRELIMINARY: Event.REPORT_PRELIMINARY,
    VersionStatus.FINAL: Event.REPORT_FINAL,
    VersionStatus.CORRECTED: Event.REPORT_CORRECTED,
}


@dataclass(frozen=True, slots=True)
class AppliedTemplate:
    """What became of a template: the draft's new revision and content, and the sections it did not touch."""

    revision: int
    content: Content
    not_replaced: tuple[str, ...]
    """Names of sections that hold other text; ask, then apply again with ``replace`` naming them."""


def open_reading(procedure_id: int) -> Reading:
    """The first reading of a requested procedure, made when there is none yet; changes nothing else.

    :raises NotFound: no such procedure
    """
    if not RequestedProcedure.objects.filter(pk=procedure_id).exists():
        raise NotFound("there is no such exam", field="procedure")
    reading, _ = Reading.objects.select_related("claimed_by", "template").get_or_create(
        procedure_id=procedure_id, ordinal=1
    )
    return reading


@transaction.atomic
def claim(reading_id: int, actor: Actor) -> Reading:
    """Take the reading for ``actor`` (a user). Claiming what one holds already changes nothing.

    :raises AlreadyClaimed: somebody else holds it
    :raises ExamNotReady: nothing to read yet, or the exam is cancelled
    :raises TransitionRefused: it is final (open it by :func:`amend`)
    """
    procedure, reading = _locked(reading_id)
    user_id = _user_id(actor)
    if reading.claimed_by_id == user_id:
        return reading
    _refuse_other_holder(reading, user_id)
    _hold(procedure, reading, Verb.CLAIM, actor, "reading.claimed")
    return reading


@transaction.atomic
def take_over(reading_id: int, actor: Actor) -> Reading:
    """Take a reading that another user holds, with its draft; the audit event names both.

    :raises ExamNotReady, TransitionRefused: as :func:`claim`
    """
    procedure, reading = _locked(reading_id)
    user_id = _user_id(actor)
    holder = _holder(reading)
    if holder is None:
        _hold(procedure, reading, Verb.CLAIM, actor, "reading.claimed")
    elif holder.pk != user_id:
        _hold(procedure, reading, Verb.TAKE_OVER, actor, "reading.taken_over", taken_from=holder.username)
    return reading


@transaction.atomic
def release(reading_id: int, actor: Actor) -> Reading:
    """Give the reading back; a draft stays with it. A correction that is released is dropped: the text is again
    that of the version in force.

    :raises AlreadyClaimed: somebody else holds it
    :raises TransitionRefused: nobody holds it
    """
    procedure, reading = _locked(reading_id)
    _refuse_unless_held(reading, _user_id(actor))
    correcting = reading.state == ReadingState.AMENDED
    reading.state = next_state(reading.state, Verb.RELEASE)
    if correcting and procedure.exam_state == ExamState.RECALLED:
        reading.state = ReadingState.RECALLED
    reading.claimed_by = None
    reading.claimed_at = None
    if correcting:
        in_force = reading.versions.order_by("-number")[0]
        put_content(reading, content_of(in_force))
        reading.draft_revision += 1
    reading.save()
    if procedure.exam_state in (ExamState.CLAIMED, ExamState.DRAFT):
        _set_exam_state(procedure, ExamState.READY_TO_READ)
    _tell(procedure, reading, actor, "reading.released", correction_dropped=correcting)
    return reading


@transaction.atomic
def save_draft(reading_id: int, revision: int, content: Content, actor: Actor) -> int:
    """Keep ``content`` as the draft and return the new revision; ``revision`` is the one it was typed over.

    Saving what is there already changes nothing and returns the present revision.

    :raises DraftConflict: the draft has another revision now, with other content
    :raises AlreadyClaimed: the reading is held by somebody else, or (``TransitionRefused``) by nobody
    """
    procedure, reading = _locked(reading_id)
    _refuse_unless_held(reading, _user_id(actor))
    if content_of(reading) == content:
        return reading.draft_revision  # also a repeat of a save whose answer was lost
    _refuse_other_revision(reading, revision)
    _save(procedure, reading, content, actor)
    return reading.draft_revision


@transaction.atomic
def apply_template(
    reading_id: int, template_id: int, revision: int, actor: Actor, replace: frozenset[str] = frozenset()
) -> AppliedTemplate:
    """Fill the draft's empty sections, and those named by ``replace``, from a template, and save it.

    :raises NotFound: no such template
    :raises DraftConflict, AlreadyClaimed, TransitionRefused: as :func:`save_draft`
    """
    procedure, reading = _locked(reading_id)
    _refuse_unless_held(reading, _user_id(actor))
    _refuse_other_revision(reading, revision)
    template = ReportTemplate.objects.select_related("current").filter(pk=template_id, active=True).first()
    if template is None or template.current is None:
        raise NotFound("there is no such template", field="template")
    present = content_of(reading)
    definition = Definition.from_json(template.current.definition)
    content, not_replaced = filled(present, definition, facts_of(procedure), replace)
    reading.template = template
    if content != present:
        _save(procedure, reading, content, actor, template=template.code, template_version=template.current.number)
    return AppliedTemplate(reading.draft_revision, content, not_replaced)


@transaction.atomic
def approve(reading_id: int, revision: int, status: VersionStatus, actor: Actor) -> ReportVersion:
    """Approve the saved draft of ``revision`` as preliminary, final or (after :func:`amend`) corrected.

    One transaction: the immutable version with its key images, a delivery for every active receiver that wants it, the
    job that makes the document (and then has it stored and sent), the exam's state, audit, and the announcement to
    screens.

    :raises ConclusionMissing, ReportIncomplete, ExamNotReady, DraftConflict, AlreadyClaimed, TransitionRefused: nothing
        was changed
    """
    procedure, reading = _locked(reading_id)
    user_id = _user_id(actor)
    _refuse_unless_held(reading, user_id)
    _refuse_other_revision(reading, revision)
    state = next_state(reading.state, APPROVAL_VERB[status])
    _refuse_unless_ready(procedure, correcting=status == VersionStatus.CORRECTED)
    if not StudyLink.objects.filter(procedure=procedure, undone_at__isnull=True).exists():
        raise ExamNotReady("the exam has no linked images: a report cannot be approved", field="study")
    content = content_of(reading)
    if not reading.conclusion.strip():
        raise ConclusionMissing("write a conclusion before approving", field="conclusion")
    if flaws := flaws_of(content):
        raise ReportIncomplete(flaws)

    version = ReportVersion(
        reading=reading,
        number=reading.versions.count() + 1,
        status=status,
        content_sha256=hashlib.sha256(content.canonical_bytes()).hexdigest(),
        approved_by_id=user_id,
        approved_at=timezone.now(),
    )
    put_content(version, content)
    version.save()
    freeze(version)
    reading.state = state
    reading.claimed_by = None
    reading.claimed_at = None
    reading.save()
    final = status != VersionStatus.PRELIMINARY
    _set_exam_state(procedure, ExamState.FINAL if final else ExamState.PRELIMINARY)
    owe_version(version)
    announce_event(_EVENTS[status], procedure.pk)
    enqueue("render_document", version.pk, lane=f"reading:{reading.pk}")
    _tell(
        procedure, reading, actor, "report.approved",
        version=version.number, status=str(status), content_sha256=version.content_sha256,
    )  # fmt: skip
    return version


@transaction.atomic
def amend(reading_id: int, actor: Actor) -> Reading:
    """Open a final report for correction, held by ``actor``; the version in force stays until a corrected one is
    approved.

    :raises AlreadyClaimed: somebody is correcting it
    :raises TransitionRefused: it is not final, or already open for correction
    """
    procedure, reading = _locked(reading_id)
    _refuse_other_holder(reading, _user_id(actor))
    _hold(procedure, reading, Verb.AMEND, actor, "report.opened_for_correction")
    return reading


def _locked(reading_id: int) -> tuple[RequestedProcedure, Reading]:
    """The reading and its exam, locked until the transaction ends; always in this order, as linking does."""
    procedure = RequestedProcedure.objects.select_for_update().filter(readings=reading_id).first()
    if procedure is None:
        raise NotFound("there is no such reading", field="reading")
    reading = Reading.objects.select_for_update().get(pk=reading_id)
    return procedure, reading


def _user_id(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotPermitted("only a person reads an exam", field="actor")
    return actor.user_id


def _holder(reading: Reading) -> User | None:
    return None if reading.claimed_by_id is None else User.objects.get(pk=reading.claimed_by_id)


def _refuse_other_holder(reading: Reading, user_id: int) -> None:
    holder = _holder(reading)
    if holder is not None and holder.pk != user_id:
        raise AlreadyClaimed(
            f"{holder.username} holds this reading",
            holder_id=holder.pk,
            holder_name=holder.full_name,
            claimed_at=reading.claimed_at or reading.updated_at,
        )


def _refuse_unless_held(reading: Reading, user_id: int) -> None:
    _refuse_other_holder(reading, user_id)
    if reading.claimed_by_id is None:
        raise TransitionRefused("claim the exam first", field="claimed_by")


def _refuse_other_revision(reading: Reading, revision: int) -> None:
    if reading.draft_revision != revision:
        raise DraftConflict(
            "the draft was changed in between", revision=reading.draft_revision, content=content_of(reading)
        )


def _refuse_unless_ready(procedure: RequestedProcedure, *, correcting: bool) -> None:
    allowed = EXAM_STATES_REPORTED if correcting else EXAM_STATES_TO_READ
    if procedure.exam_state not in allowed:
        raise ExamNotReady(f"the exam is {procedure.exam_state}", field="exam_state")


def _hold(
    procedure: RequestedProcedure, reading: Reading, verb: Verb, actor: Actor, action: str, **details: str
) -> None:
    state = next_state(reading.state, verb)
    _refuse_unless_ready(procedure, correcting=state == ReadingState.AMENDED)
    reading.state = state
    reading.claimed_by_id = _user_id(actor)
    reading.claimed_at = timezone.now()
    reading.save()
    if procedure.exam_state == ExamState.READY_TO_READ:
        drafted = state == ReadingState.DRAFT
        _set_exam_state(procedure, ExamState.DRAFT if drafted else ExamState.CLAIMED)
    _tell(procedure, reading, actor, action, **details)


def _save(procedure: RequestedProcedure, reading: Reading, content: Content, actor: Actor, **details: Any) -> None:
    correcting = reading.state == ReadingState.AMENDED
    state = next_state(reading.state, Verb.SAVE_DRAFT)
    _refuse_unless_ready(procedure, correcting=correcting)
    first_words = reading.state != state
    reading.state = state
    put_content(reading, content)
    reading.draft_revision += 1
    reading.draft_saved_at = timezone.now()
    reading.save()
    if procedure.exam_state == ExamState.CLAIMED:
        _set_exam_state(procedure, ExamState.DRAFT)
    # one event for a draft begun or a template applied; a save every few seconds of typing is none
    if first_words or details:
        _tell(procedure, reading, actor, "report.drafted", **details)


def _set_exam_state(procedure: RequestedProcedure, state: ExamState) -> None:
    procedure.exam_state = state
    procedure.save(update_fields=["exam_state", "updated_at"])


def _tell(procedure: RequestedProcedure, reading: Reading, actor: Actor, action: str, **details: Any) -> None:
    record(
        actor,
        action,
        subject=f"reading:{reading.pk}",
        patient_id=procedure.patient_id,
        procedure=procedure.pk,
        **details,
    )
    announce("exam", procedure.pk)
