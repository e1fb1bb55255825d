"""Exams in order: tags, folders, assignments, lists; every action tells what it changed, so that it can be undone."""

from __future__ import annotations

import pytest

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.changes.models import Change
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.exam_lists import services
from ris_core.exam_lists.models import Assignment, ExamTag, Folder, SavedList
from ris_core.exam_lists.starting import set_start_of_role
from ris_testing.exams import a_reader, an_exam

pytestmark = pytest.mark.django_db


def _user(actor: Actor) -> User:
    return User.objects.get(username=actor.name)


def test_a_tag_is_put_on_exams_that_do_not_have_it_and_taken_off_again() -> None:
    by, one, other = a_reader(), an_exam(), an_exam()
    tag, added = services.tag_exams("Ca  hay", [one.pk], by)
    assert (tag.name, added) == ("Ca hay", [one.pk])
    again, added = services.tag_exams("CA HAY", [one.pk, other.pk, 999_999], by)
    assert (again.pk, added) == (tag.pk, [other.pk])
    assert services.untag_exams(tag.pk, [other.pk], by)[1] == [other.pk]
    assert list(ExamTag.objects.values_list("procedure_id", flat=True)) == [one.pk]
    events = AuditEvent.objects.filter(action="exam.tagged").order_by("pk")
    assert [event.patient_id for event in events] == [one.patient_id, other.patient_id]
    assert Change.objects.filter(topic="exam", subject_id=one.pk).exists()


def test_folders_are_their_owners_alone() -> None:
    mine, theirs, exam = a_reader(), a_reader(), an_exam()
    folder, added = services.put_in_folder("Nghiên cứu phổi", [exam.pk], mine)
    assert added == [exam.pk]
    assert services.put_in_folder("Nghiên cứu phổi", [exam.pk], mine)[1] == []
    assert list(services.folders_of(theirs.user_id or 0)) == []
    for act in (
        lambda: services.take_out_of_folder(folder.pk, [exam.pk], theirs),
        lambda: services.delete_folder(folder.pk, theirs),
    ):
        with pytest.raises(NotFound):
            act()
    assert services.take_out_of_folder(folder.pk, [exam.pk], mine)[1] == [exam.pk]
    services.delete_folder(folder.pk, mine)
    assert not Folder.objects.exists()


def test_assigning_tells_who_was_asked_before() -> None:
    by, one, other = a_reader(), a_reader(), a_reader()
    first, second = an_exam(), an_exam()
    assert services.assign_exams(one.user_id, [first.pk], by) == {first.pk: None}
    assert services.assign_exams(other.user_id, [first.pk, second.pk], by) == {first.pk: one.user_id, second.pk: None}
    assert services.assign_exams(other.user_id, [first.pk], by) == {}
    assert services.assign_exams(None, [second.pk], by) == {second.pk: other.user_id}
    assert list(Assignment.objects.values_list("procedure_id", "reader_id")) == [(first.pk, other.user_id)]


def test_only_readers_are_asked_to_read() -> None:
    clerk = User.objects.create(username="tiepdon9", full_name="Tiếp đón", role=Role.RECEPTION)
    with pytest.raises(NotFound):
        services.assign_exams(clerk.pk, [an_exam().pk], a_reader())


def test_a_list_is_seen_by_its_owner_or_by_whom_it_is_shared_with() -> None:
    me, colleague = a_reader(), a_reader()
    clerk = User.objects.create(username="tiepdon8", full_name="Tiếp đón", role=Role.RECEPTION)
    services.save_list("CT của tôi", {"modality": "CT"}, me)
    services.save_list("Cho bác sĩ", {"modality": "MR"}, me, shared=True, role=Role.RADIOLOGIST)
    services.save_list("Cho mọi người", {"when": "today"}, me, shared=True)
    seen = {user.pk: [each.name for each in services.lists_for(user)] for user in (_user(me), _user(colleague), clerk)}
    assert seen[_user(me).pk] == ["CT của tôi", "Cho bác sĩ", "Cho mọi người"]
    assert seen[_user(colleague).pk] == ["Cho bác sĩ", "Cho mọi người"]
    assert seen[clerk.pk] == ["Cho mọi người"]


def test_a_list_is_overwritten_by_its_name_and_deleted_by_its_owner_or_who_may_delete_everybodys() -> None:
    me, other = a_reader(), a_reader()
    kept = services.save_list("Của tôi", {"modality": "CT"}, me)
    assert services.save_list("Của tôi", {"modality": "MR"}, me).pk == kept.pk
    with pytest.raises(NotPermitted):
        services.delete_list(kept.pk, other, everybodys=True)  # it is not shared
    services.save_list("Của tôi", {"modality": "MR"}, me, shared=True)
    with pytest.raises(NotPermitted):
        services.delete_list(kept.pk, other)
    services.delete_list(kept.pk, other, everybodys=True)
    assert not SavedList.objects.exists()


def test_nonsense_is_refused() -> None:
    by = a_reader()
    for name in ("", "   ", "x" * 65):
        with pytest.raises(InvalidValue):
            services.put_in_folder(name, [an_exam().pk], by)
    with pytest.raises(InvalidValue):
        services.tag_exams("a", list(range(services.MOST_AT_ONCE + 1)), by)
    with pytest.raises(NotPermitted):
        services.put_in_folder("a", [an_exam().pk], Actor("worker"))


def test_the_first_list_of_a_role_is_audited_by_what_it_is_narrowed_by_and_not_to_what() -> None:
    """P3: a filter may hold a patient's name, which the audit trail must not repeat."""
    set_start_of_role(Role.RADIOLOGIST, {"q": "Nguyễn Văn An", "modality": "CT"}, a_reader())
    event = AuditEvent.objects.get(action="list.start_set")
    assert (event.subject, event.details) == (f"role:{Role.RADIOLOGIST}", {"list": ["modality", "q"]})
    set_start_of_role(Role.RADIOLOGIST, None, a_reader("second"))
    assert AuditEvent.objects.filter(action="list.start_set").latest("pk").details == {"list": None}
