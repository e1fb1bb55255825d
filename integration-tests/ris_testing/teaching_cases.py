"""Teaching cases as their makers make them."""

from __future__ import annotations

from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import Study
from ris_core.teaching.choosing import chosen_images, offered_series
from ris_core.teaching.models import TeachingCase
from ris_core.teaching.picturing import run_make_teaching_pictures
from ris_core.teaching.rules import Notes
from ris_core.teaching.services import exam_for_case, make_case, open_case
from ris_testing.storing_engine import StoringEngine

NOTES = Notes(
    title="Thuyên tắc phổi hai bên", history="Nữ 46 tuổi, khó thở.", findings="Khuyết thuốc hai nhánh.",
    diagnosis="Thuyên tắc phổi cấp", discussion="Chú ý dấu hiệu quá tải thất phải.", category="CHEST",
    body_part="Ngực", modality="CT", tags="cấp cứu, mạch máu",
)  # fmt: skip


def as_actor(user: User) -> Actor:
    return Actor(user.username, user_id=user.pk)


def a_case(
    engine: StoringEngine, exam: RequestedProcedure, study: Study, user: User, notes: Notes = NOTES
) -> TeachingCase:
    """A draft of all series, its pictures made."""
    series = [str(each.series.orthanc_id) for each in offered_series(engine, [study])]
    images = chosen_images(engine, exam.pk, [study], user.pk, (), series)
    case = make_case(exam_for_case(exam.pk, user), notes, images, user, as_actor(user))
    run_make_teaching_pictures(str(case.pk))
    return TeachingCase.objects.get(pk=case.pk)


def an_open_case(
    engine: StoringEngine, exam: RequestedProcedure, study: Study, user: User, notes: Notes = NOTES
) -> TeachingCase:
    """Shown to everybody who may see teaching cases."""
    case = a_case(engine, exam, study, user, notes)
    show(case, user)
    return TeachingCase.objects.get(pk=case.pk)


def show(case: TeachingCase, user: User) -> None:
    """Open it, as it is now."""
    open_case(case.pk, user, as_actor(user), version=TeachingCase.objects.get(pk=case.pk).version)
