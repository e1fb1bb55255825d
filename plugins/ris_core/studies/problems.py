"""Why the files of a study could not be made what they should be, and what a person does then: try again, or leave
some as they are. Taking the operation back is :func:`ris_core.studies.undoing_operations.undo_operation`."""

from __future__ import annotations

from enum import StrEnum

from django.db import transaction
from django.db.models import Q

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue
from ris_core.notices.services import notify
from ris_core.studies.corrections import owe_correction
from ris_core.studies.links import locked_study
from ris_core.studies.models import Study, StudyOperation
from ris_core.studies.operations_under_way import is_stuck


class Problem(StrEnum):
    """Why files are not as they should be. Nothing is deleted then: a person decides."""

    OTHER_PIXELS = "OTHER_PIXELS"
    """Another image came under a stored one's UID, and there is no room to keep it aside; the engine has both."""
    IDENTIFIER_TAKEN = "IDENTIFIER_TAKEN"
    """Another study lies where this one's images would."""
    UNREADABLE = "UNREADABLE"
    """A file's structure makes no sense to us."""
    FAILED = "FAILED"
    """Tried until the job was given up; its last error is with the job."""


def tell_of_problem(study: Study) -> None:
    """Who reads the study, or opens its patient, is told that its images do not say what its order says."""
    notify("images_not_corrected", study_id=study.pk)


def stuck_operation(study: Study) -> StudyOperation | None:
    """The operation on ``study`` that is under way and that nothing works on."""
    mine = StudyOperation.objects.filter(Q(study=study) | Q(other_study=study)).order_by("-pk")
    return next((operation for operation in mine if is_stuck(operation)), None)


@transaction.atomic
def try_again(study_id: int, actor: Actor) -> None:
    """Have the files compared anew, and what waits for them ended; those of the other study of an operation too."""
    found = Study.objects.filter(pk=study_id).first()
    operation = stuck_operation(found) if found is not None else None
    studies = {key: locked_study(key) for key in sorted({study_id, *(operation.study_ids if operation else ())})}
    study = studies[study_id]
    for key in studies:
        Study.objects.filter(pk=key).update(arrangement="")
        owe_correction(key)
    record(actor, "study.correction_retried", subject=f"study:{study.pk}", patient_id=study.patient_id)
    announce("study", study.pk)


@transaction.atomic
def leave_files(study_id: int, actor: Actor, reason: str) -> None:
    """The files that cannot be read stay as and where they are; all others follow.

    :raises InvalidValue: no reason given
    """
    study = locked_study(study_id)
    _decide(study, sorted({*study.files_left, *study.problem_files}), "study.files_left", actor, reason)


@transaction.atomic
def take_up_files(study_id: int, actor: Actor, reason: str) -> None:
    """Undo :func:`leave_files`: the files are tried again.

    :raises InvalidValue: no reason given
    """
    _decide(locked_study(study_id), [], "study.files_taken_up", actor, reason)


def _decide(study: Study, left: list[str], action: str, actor: Actor, reason: str) -> None:
    if not reason.strip():
        raise InvalidValue("say why", field="reason")
    if left == study.files_left:
        return
    changed = sorted({*left} ^ {*study.files_left})
    study.files_left, study.arrangement = left, ""
    study.save(update_fields=["files_left", "arrangement"])
    owe_correction(study.pk)
    record(
        actor,
        action,
        subject=f"study:{study.pk}",
        patient_id=study.patient_id,
        files=changed,
        reason=reason.strip()[:255],
    )
    announce("study", study.pk)
