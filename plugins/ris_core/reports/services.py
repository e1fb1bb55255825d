"""Use cases of reading and reporting; each is one transaction with its audit event.

What a report says is a :class:`ris_core.reports.content.Content`. Who holds a reading is
:mod:`ris_core.reports.holding`; what each role may approve is data in :mod:`ris_core.accounts.rules`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor
from ris_core.changes.services import announce
from ris_core.delivery.services import owe_version
from ris_core.errors import NotFound
from ris_core.jobs.services import enqueue
from ris_core.key_images.versions import freeze
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import ExamState, RequestedProcedure
from ris_core.peer_reviews.drawing import draw as draw_for_review
from ris_core.print_layouts.choosing import bind_layout
from ris_core.reports.checks import flaws_of
from ris_core.reports.content import Content
from ris_core.reports.definition import Definition
from ris_core.reports.drafts import put_aside, written_by
from ris_core.reports.errors import ConclusionMissing, DraftConflict, ExamNotReady, ReportIncomplete
from ris_core.reports.exam import facts_of
from ris_core.reports.filling import filled
from ris_core.reports.holding import (
    hold,
    locked,
    person,
    refuse_other_holder,
    refuse_unless_held,
    refuse_unless_may,
    refuse_unless_ready,
    set_exam_state,
    tell,
)
from ris_core.reports.models import Reading, ReadingState, ReportTemplate, ReportVersion, VersionStatus
from ris_core.reports.rules import (
    APPROVAL_VERB,
    Verb,
    approval_function,
    next_state,
)
from ris_core.reports.texts import content_of, put_content
from ris_core.second_readings.plans import due_reading, refuse_report_before_opinions
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
    """The reading of a requested procedure whose turn it is, made when there is none yet; changes nothing else.

    :raises NotFound: no such procedure
    """
    procedure = RequestedProcedure.objects.filter(pk=procedure_id).first()
    if procedure is None:
        raise NotFound("there is no such exam", field="procedure")
    return due_reading(procedure)


@transaction.atomic
def save_draft(reading_id: int, revision: int, content: Content, actor: Actor, window: str = "") -> int:
    """Keep ``content`` as the draft and return the new revision; ``revision`` is the one it was typed over.

    Saving what is there already changes nothing and returns the present revision. The first save from another
    ``window`` than the last one's is told to live screens.

    :raises DraftConflict: the draft has another revision now, with other content
    :raises AlreadyClaimed: the reading is held by somebody else, or (``TransitionRefused``) by nobody
    """
    procedure, reading = locked(reading_id)
    refuse_unless_held(reading, person(actor))
    if content_of(reading) == content:
        return reading.draft_revision  # also a repeat of a save whose answer was lost
    refuse_other_revision(reading, revision)
    if reading.draft_by_id is not None and reading.draft_window != window:
        announce("exam", procedure.pk)
    _save(procedure, reading, content, actor, window)
    return reading.draft_revision


@transaction.atomic
def apply_template(
    reading_id: int, template_id: int, revision: int, actor: Actor, replace: frozenset[str] = frozenset()
) -> AppliedTemplate:
    """Fill the draft's empty sections, and those named by ``replace``, from a template, and save it.

    :raises NotFound: no such template
    :raises DraftConflict, AlreadyClaimed, TransitionRefused: as :func:`save_draft`
    """
    procedure, reading = locked(reading_id)
    refuse_unless_held(reading, person(actor))
    refuse_other_revision(reading, revision)
    template = ReportTemplate.objects.select_related("current").filter(pk=template_id, active=True).first()
    if template is None or template.current is None:
        raise NotFound("there is no such template", field="template")
    present = content_of(reading)
    definition = Definition.from_json(template.current.definition)
    content, not_replaced = filled(present, definition, facts_of(procedure), replace)
    reading.template = template
    if content != present:
        named = {"template": template.code, "template_version": template.current.number}
        _save(procedure, reading, content, actor, reading.draft_window, **named)
    return AppliedTemplate(reading.draft_revision, content, not_replaced)


@transaction.atomic
def approve(reading_id: int, revision: int, status: VersionStatus, actor: Actor) -> ReportVersion:
    """Approve the saved draft of ``revision`` as preliminary, final or (after :func:`amend`) corrected.

    One transaction: the immutable version with its key images and print layout, a delivery for every active receiver
    that wants it, the job that makes the document (and then has it stored and sent), the exam's state, audit, and the
    announcement to screens.

    :raises NotPermitted: the approver's role may not approve this
    :raises ConclusionMissing, ReportIncomplete, ReadingsOutstanding, ExamNotReady, DraftConflict, AlreadyClaimed,
        TransitionRefused: nothing was changed
    """
    procedure, reading = locked(reading_id)
    user_id = person(actor)
    refuse_unless_held(reading, user_id)
    refuse_other_revision(reading, revision)
    refuse_unless_may(user_id, approval_function(status, of_resident=written_by_resident(reading)))
    if status != VersionStatus.CORRECTED:
        refuse_report_before_opinions(reading)
    state = next_state(reading.state, APPROVAL_VERB[status])
    refuse_unless_ready(procedure, correcting=status == VersionStatus.CORRECTED)
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
    bind_layout(version)
    reading.state = state
    reading.claimed_by = None
    reading.claimed_at = None
    written_by(reading, None, reading.draft_window)
    reading.save()
    final = status != VersionStatus.PRELIMINARY
    set_exam_state(procedure, ExamState.FINAL if final else ExamState.PRELIMINARY)
    owe_version(version)
    if status == VersionStatus.FINAL:
        draw_for_review(version, procedure)
    announce_event(_EVENTS[status], procedure.pk)
    enqueue("render_document", version.pk, lane=f"reading:{reading.pk}")
    tell(
        procedure, reading, actor, "report.approved",
        version=version.number, status=str(status), content_sha256=version.content_sha256,
    )  # fmt: skip
    return version


@transaction.atomic
def amend(reading_id: int, actor: Actor) -> Reading:
    """Open a final report for correction, held by ``actor``; the version in force stays until a corrected one is
    approved.

    :raises NotPermitted: the actor's role does not approve reports
    :raises AlreadyClaimed: somebody is correcting it
    :raises TransitionRefused: it is not final, or already open for correction
    """
    procedure, reading = locked(reading_id)
    refuse_unless_may(person(actor), Function.APPROVE_REPORT)
    refuse_other_holder(reading, person(actor))
    hold(procedure, reading, Verb.AMEND, actor, "report.opened_for_correction")
    return reading


def refuse_other_revision(reading: Reading, revision: int) -> None:
    """:raises DraftConflict: the draft has another revision now"""
    if reading.draft_revision != revision:
        raise DraftConflict(
            "the draft was changed in between", revision=reading.draft_revision, content=content_of(reading)
        )


def _save(
    procedure: RequestedProcedure, reading: Reading, content: Content, actor: Actor, window: str, **details: Any
) -> None:
    correcting = reading.state == ReadingState.AMENDED
    state = next_state(reading.state, Verb.SAVE_DRAFT)
    refuse_unless_ready(procedure, correcting=correcting)
    first_words = reading.state != state
    reading.state = state
    put_aside(reading, person(actor), window, always=bool(details))
    put_content(reading, content)
    written_by(reading, person(actor), window)
    reading.draft_revision += 1
    reading.draft_saved_at = reading.active_at = timezone.now()
    reading.save()
    if procedure.exam_state == ExamState.CLAIMED:
        set_exam_state(procedure, ExamState.DRAFT)
    # one event for a draft begun or a template applied; a save every few seconds of typing is none
    if first_words or details:
        tell(procedure, reading, actor, "report.drafted", **details)


def written_by_resident(reading: Reading) -> bool:
    """Whether a resident approved a preliminary version that nobody who may has approved since."""
    roles = reading.versions.order_by("number").values_list("approved_by__role", flat=True)
    resident = False
    for role in roles:
        resident = (resident or not may(role, Function.APPROVE_REPORT)) and not may(role, Function.APPROVE_RESIDENTS)
    return resident
