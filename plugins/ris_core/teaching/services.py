"""Teaching cases made, changed, given out, withdrawn. One transaction each, with its audit event.

Making and changing a case, and going from it to its exam, is written down with the patient; looking at a case is not:
whoever reads the log of a patient's data would otherwise learn which case is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.data_requests.objections import has_objected
from ris_core.deidentification.pseudonyms import new_secret
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.names import folded
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.survivors import records_of, survivor_of
from ris_core.sight.seeing import seen_exams
from ris_core.teaching.errors import CaseClosed, TeachingInvalid
from ris_core.teaching.models import READY, CaseState, TeachingCase, TeachingImage, TeachingVersion
from ris_core.teaching.rules import Notes
from ris_core.teaching.standing import Closed, closed_because, held_because, is_confidential, notes_of, refuse_naming

JOB_KIND: Final = "make_teaching_pictures"
_SEES: Final = (Function.VIEW_IMAGES, Function.VIEW_REPORT)


def exam_for_case(exam_id: int, user: User) -> RequestedProcedure:
    """An exam of which ``user`` may make a case.

    :raises NotPermitted: their role may not, or they do not see it
    :raises TeachingInvalid: the patient is confidential: few images are needed to recognise somebody everybody knows;
        or has asked that their data be erased or seen by fewer
    """
    allowed = may(user.role, Function.MAKE_TEACHING) and all(may(user.role, each) for each in _SEES)
    exams = seen_exams(RequestedProcedure.objects.filter(pk=exam_id), user)
    exam = exams.select_related("patient", "request").first() if allowed else None
    if exam is None:
        raise NotPermitted("this account may make no teaching case of the exam", field="exam")
    if is_confidential(exam.patient_id):
        raise TeachingInvalid("no teaching case is made of a confidential patient", field="confidential")
    _refuse_objected(exam.patient_id)
    return exam


def _refuse_objected(patient_id: int) -> None:
    if has_objected(patient_id):
        raise TeachingInvalid("the patient has asked that their data be erased or seen by fewer", field="objected")


@transaction.atomic
def make_case(
    exam: RequestedProcedure, notes: Notes, images: Sequence[TeachingImage], user: User, actor: Actor
) -> TeachingCase:
    """A draft; its pictures are made by the worker.

    :param exam: of :func:`exam_for_case`
    :param images: of :func:`ris_core.teaching.choosing.chosen_images`
    :raises TeachingInvalid, PatientNamed: of the notes
    """
    _check(notes, exam.patient_id)
    _refuse_objected(exam.patient_id)
    now = timezone.now()
    case = TeachingCase.objects.create(
        procedure=exam, patient=exam.patient, secret=new_secret(), made_by=user, made_at=now, changed_at=now,
        images_from=now, search_text=notes.search_text(), **asdict(notes),
    )  # fmt: skip
    _keep_images(case, images)
    _keep_version(case, user)
    _tell(case, actor, "teaching.made")
    return case


@transaction.atomic
def change_case(
    case_id: int, notes: Notes, user: User, actor: Actor, *, version: int, images: Sequence[TeachingImage] = ()
) -> TeachingCase:
    """Other notes, and other images when some are given: then it is a draft again, to be looked at anew.

    :param version: which one the user has changed
    :raises NotFound, NotPermitted: of the case
    :raises TransitionRefused: somebody has changed it since
    :raises TeachingInvalid, PatientNamed: of the notes
    """
    case = _locked(case_id, user)
    if case.version != version:
        raise TransitionRefused("somebody has changed the case since", field="version")
    _check(notes, case.patient_id)
    if images:
        _refuse_objected(case.patient_id)
    for name, value in asdict(notes).items():
        setattr(case, name, value)
    case.search_text, case.changed_at = notes.search_text(), timezone.now()
    case.version += 1
    if images:
        case.images.all().delete()
        case.images_from = case.changed_at
        case.state = CaseState.DRAFT
        _keep_images(case, images)
    case.save()
    _keep_version(case, user)
    _tell(case, actor, "teaching.changed", version=case.version, images=len(images))
    return case


@transaction.atomic
def remove_image(case_id: int, position: int, user: User, actor: Actor) -> None:
    """Take a picture out of a case: whoever looked has seen what nobody should."""
    case = _locked(case_id, user)
    removed = case.images.filter(position=position).values("orthanc_id")
    if case.images.filter(orthanc_id__in=removed).delete()[0]:  # other frames' pictures would keep its file in the ZIP
        case.version += 1
        case.changed_at = timezone.now()
        case.save(update_fields=["version", "changed_at"])
        _tell(case, actor, "teaching.image_removed", position=position)


@transaction.atomic
def open_case(case_id: int, user: User, actor: Actor, *, version: int) -> None:
    """Show it to everybody who may see teaching cases: whoever does this has looked at its pictures.

    :param version: which one the user has looked at
    :raises TransitionRefused: somebody has changed it since: its pictures may be others
    :raises TeachingInvalid: pictures are still being made, there is none, or it would be closed at once
    """
    case = _locked(case_id, user)
    if case.state == CaseState.OPEN:
        return
    if case.version != version:
        raise TransitionRefused("somebody has changed the case since", field="version")
    if case.images.filter(result=TeachingImage.Result.WAITING).exists():
        raise TeachingInvalid("its pictures are not made yet", field="waiting")
    if not case.images.filter(result__in=READY).exists():
        raise TeachingInvalid("no image of it can be shown", field="images")
    why = held_because(case)
    if why is not None:
        raise CaseClosed("the case is not shown", field=why.value.lower())
    TeachingCase.objects.filter(pk=case.pk).update(
        state=CaseState.OPEN, withdrawn_because="", changed_at=timezone.now()
    )
    _tell(case, actor, "teaching.opened")


@transaction.atomic
def withdraw_case(case_id: int, because: str, user: User, actor: Actor) -> None:
    """Show it to nobody any more but those who may change it; it can be opened again."""
    case = _locked(case_id, user)
    if case.state == CaseState.WITHDRAWN:
        return
    why = " ".join(because.split())[:200]
    TeachingCase.objects.filter(pk=case.pk).update(
        state=CaseState.WITHDRAWN, withdrawn_because=why, changed_at=timezone.now()
    )
    _tell(case, actor, "teaching.withdrawn")


@transaction.atomic
def delete_case(case_id: int, user: User, actor: Actor) -> None:
    """Notes, versions and pictures are gone for good, its ZIP files within minutes
    (:func:`ris_core.exports.services.forget_exports`); the log keeps that there was a case, and not what was in it.

    :raises NotPermitted: the user does not manage cases
    :raises TransitionRefused: it is not withdrawn
    """
    case = _locked(case_id, user)
    if not may(user.role, Function.MANAGE_TEACHING):
        raise NotPermitted("this account may not delete cases", field="case")
    if case.state != CaseState.WITHDRAWN:
        raise TransitionRefused("withdraw it first", field="state")
    _delete(case, actor)


def cases_of(patient_id: int) -> QuerySet[TeachingCase]:
    """Those made of exams of a patient, merged records too, and of exams that have become theirs since."""
    records = records_of(survivor_of(patient_id))
    return TeachingCase.objects.filter(Q(patient__in=records) | Q(procedure__patient__in=records))


@transaction.atomic
def erase_cases_of(patient_id: int, actor: Actor) -> int:
    """Delete them whatever their state is: the patient has asked for it. How many they were."""
    cases = cases_of(patient_id).select_related("procedure").select_for_update(of=("self",)).order_by("pk")
    found = list(cases)
    for case in found:
        _delete(case, actor)
    return len(found)


def _delete(case: TeachingCase, actor: Actor) -> None:
    _tell(case, actor, "teaching.deleted")
    case.delete()


def cases_for(user: User) -> QuerySet[TeachingCase]:
    """Those that may be listed for ``user``; whether each is closed is asked besides (:func:`closed_to`)."""
    cases = TeachingCase.objects.select_related("procedure", "made_by").order_by("-changed_at", "-pk")
    if may(user.role, Function.MANAGE_TEACHING):
        return cases
    return cases.filter(Q(state=CaseState.OPEN) | Q(made_by_id=user.pk))


def searched(cases: QuerySet[TeachingCase], text: str) -> QuerySet[TeachingCase]:
    """Those that have every word of ``text``, with or without accents."""
    for word in folded(text).split()[:12]:
        cases = cases.filter(search_text__contains=word)
    return cases


def may_change(user: User, case: TeachingCase) -> bool:
    """Whoever made it, as long as they may make cases, and who manages cases."""
    mine = case.made_by_id == user.pk and may(user.role, Function.MAKE_TEACHING)
    return mine or may(user.role, Function.MANAGE_TEACHING)


def may_see_exam(user: User, case: TeachingCase) -> bool:
    """Whether the way to the exam is open: who may change the case and sees the exam."""
    exams = RequestedProcedure.objects.filter(pk=case.procedure_id)
    return may_change(user, case) and seen_exams(exams, user).exists()


def closed_to(user: User, case: TeachingCase) -> Closed | None:
    """Why ``user`` does not see a case; who may change it sees it in any case, but those of confidential patients only
    who sees such patients."""
    why = closed_because(case)
    if why is None:
        return None
    if not may_change(user, case):
        return why
    known = is_confidential(case.procedure.patient_id) or is_confidential(case.patient_id)
    return Closed.CONFIDENTIAL if known and not may_see_exam(user, case) else None


def case_for(case_id: int, user: User) -> TeachingCase:
    """:raises NotFound: there is none, or it is not shown to them: nobody is told which"""
    case = cases_for(user).select_related("procedure__patient").filter(pk=case_id).first()
    if case is None or closed_to(user, case) is not None:
        raise NotFound("there is no such teaching case", field="case")
    return case


def note_view(case: TeachingCase, actor: Actor) -> None:
    """Somebody has looked at it."""
    record(actor, "teaching.viewed", subject=f"teaching_case:{case.pk}")


def exam_of(case_id: int, user: User, actor: Actor) -> int:
    """The exam that a case is of; that somebody went there is written down with the patient.

    :raises NotPermitted: the user may not know
    """
    case = case_for(case_id, user)
    if not may_see_exam(user, case):
        raise NotPermitted("this account may not know whose exam it is", field="exam")
    _tell(case, actor, "teaching.exam_opened")
    return case.procedure_id


def _check(notes: Notes, patient_id: int) -> None:
    problems = notes.problems()
    if problems:
        raise TeachingInvalid("the notes cannot be kept so", field=next(iter(problems)))
    refuse_naming(notes, patient_id)


def _locked(case_id: int, user: User) -> TeachingCase:
    case = TeachingCase.objects.select_for_update(of=("self",)).select_related("procedure").filter(pk=case_id).first()
    if case is None or closed_to(user, case) is not None:
        raise NotFound("there is no such teaching case", field="case")
    if not may_change(user, case):
        raise NotPermitted("this account may not change the case", field="case")
    return case


def _keep_images(case: TeachingCase, images: Sequence[TeachingImage]) -> None:
    for image in images:
        image.case = case
    TeachingImage.objects.bulk_create(images)
    enqueue(JOB_KIND, case.pk)


def _keep_version(case: TeachingCase, user: User) -> None:
    TeachingVersion.objects.create(
        case=case, number=case.version, notes=notes_of(case), written_by=user, written_at=case.changed_at
    )


def _tell(case: TeachingCase, actor: Actor, what: str, **facts: Any) -> None:
    record(actor, what, subject=f"teaching_case:{case.pk}", patient_id=case.procedure.patient_id, **facts)
    announce("teaching_case", case.pk)
