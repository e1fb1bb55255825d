"""What a person decides about another image under the UID of a stored one, and how it is taken back.

Rows now, files by the worker, as every change of stored images. Nothing is ever deleted: the file that is not in the
engine stays kept.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.studies import effects
from ris_core.studies.corrections import owe_correction
from ris_core.studies.dicom_file import SERIES_INSTANCE_UID, read_dicom_file
from ris_core.studies.elements import HeaderIncomplete, HeaderUnreadable
from ris_core.studies.files_on_disk import on_disk
from ris_core.studies.kept_copies import copy_pieces
from ris_core.studies.links import locked_study
from ris_core.studies.locks import respect_lock
from ris_core.studies.models import CopyDecision, KeptCopy, Placement, Study, StudyLink


@transaction.atomic
def decide_copy(
    copy_id: int, decision: CopyDecision, actor: Actor, reason: str, *, breaking_reason: str = ""
) -> KeptCopy:
    """Keep the first, replace it, or store both; ``WAITING`` undoes what was decided. Again the same changes nothing.

    :raises NotFound: no such copy, or nobody knows yet whose it is
    :raises InvalidValue: no reason given
    :raises StudyLocked: the study is in work
    :raises TransitionRefused: it is decided already (undo first), another copy has replaced the image, or a report
        on these images was approved and they would change
    """
    found = KeptCopy.objects.filter(pk=copy_id, study__isnull=False).first()
    if found is None:
        raise NotFound("there is no such copy", field="copy")
    studies = {key: locked_study(key) for key in studies_with(found)}
    copy = KeptCopy.objects.select_for_update().get(pk=copy_id)
    assert copy.study_id is not None  # noqa: S101 (a copy stays that of its study)
    study = studies[copy.study_id]
    before = CopyDecision(copy.decision)
    if before == decision:
        return copy
    if not reason.strip():
        raise InvalidValue("say why", field="reason")
    for each in studies.values():
        respect_lock(each, actor, breaking_reason)
    _refuse(studies, copy, before, decision)
    if decision == CopyDecision.BESIDE and not copy.new_sop_instance_uid:
        copy.new_sop_instance_uid = f"2.25.{uuid.uuid4().int}"
    copy.decision, copy.decided_at, copy.decided_by_id = decision, timezone.now(), actor.user_id
    copy.decision_reason = reason.strip()[:255]
    copy.save(update_fields=["decision", "decided_at", "decided_by", "decision_reason", "new_sop_instance_uid"])
    for key in studies:
        Study.objects.filter(pk=key).update(arrangement="")
        owe_correction(key)
    record(
        actor,
        "study.copy_decided" if decision != CopyDecision.WAITING else "study.copy_undone",
        subject=f"study:{study.pk}",
        patient_id=study.patient_id,
        copy=copy.pk,
        decision=decision.value,
        before=before.value,
        reason=copy.decision_reason,
    )
    announce("study", study.pk)
    return copy


def studies_with(copy: KeptCopy) -> list[int]:
    """The copy's study, and those into which a person has put the image that came first; in the order of locks."""
    away = Placement.objects.filter(origin=copy.study_id, undone=False)
    if away.exists():
        try:
            series = read_dicom_file(on_disk(copy_pieces(copy))).text(SERIES_INSTANCE_UID)
            away = away.filter(series_instance_uid=series, sop_instance_uid__in=("", copy.sop_instance_uid))
        except (HeaderUnreadable, HeaderIncomplete):
            pass  # it may be in any of them
    return sorted({copy.study_id or 0, *away.values_list("target_id", flat=True)})


def _refuse(studies: Collection[int], copy: KeptCopy, before: CopyDecision, decision: CopyDecision) -> None:
    if CopyDecision.WAITING not in (before, decision):
        raise TransitionRefused("undo what was decided first", field="DECIDED")
    if CopyDecision.REPLACE not in (before, decision):
        return
    links = StudyLink.objects.filter(study__in=studies, undone_at__isnull=True)
    if links.filter(procedure__exam_state__in=effects.APPROVED).exists():
        raise TransitionRefused("a report on these images was approved: recall it first", field="APPROVED")
    replaced = KeptCopy.objects.filter(sop_instance_uid=copy.sop_instance_uid, decision=CopyDecision.REPLACE)
    if replaced.exclude(pk=copy.pk).exists():
        raise TransitionRefused("another copy has replaced the image: undo that first", field="DECIDED")
