"""Put exams in order: tag them, collect them in folders, ask somebody to read them; save lists and columns.

What is done to many exams at once tells which of them it changed, so that it can be taken back exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from ris_core.accounts.models import User
from ris_core.accounts.roles import roles_with
from ris_core.accounts.rules import Function
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.exam_lists.models import Assignment, ExamTag, Folder, FolderExam, ListLayout, SavedList, Tag
from ris_core.orders.models import RequestedProcedure
from ris_core.second_readings.blinding import closed_among

MOST_AT_ONCE: Final = 500
"""Exams that one action is about."""
MOST_OF_A_KIND: Final = 100
"""Lists or folders of one user."""
LONGEST_TAG: Final = 32
LONGEST_NAME: Final = 64


# --- tags -----------------------------------------------------------------------------------------


@transaction.atomic
def tag_exams(name: str, exam_ids: Sequence[int], actor: Actor) -> tuple[Tag, list[int]]:
    """Put the tag ``name`` on exams, made when there is none; those that did not have it and have it now.

    Exams that are read blinded get none until all have concluded: a tag may say what its writer saw.

    :raises InvalidValue: no name, too long, or too many exams
    """
    name = _named(name, LONGEST_TAG, "tag")
    tag, _ = Tag.objects.get_or_create(name__iexact=name, defaults={"name": name})
    exams = _locked(exam_ids)
    having = set(ExamTag.objects.filter(tag=tag, procedure_id__in=exams).values_list("procedure_id", flat=True))
    closed = closed_among(exams)
    added = [key for key in exams if key not in having and key not in closed]
    ExamTag.objects.bulk_create([ExamTag(tag=tag, procedure_id=key, tagged_by_id=_user_id(actor)) for key in added])
    _tell(exams, added, actor, "exam.tagged", tag=tag.name)
    return tag, added


@transaction.atomic
def untag_exams(tag_id: int, exam_ids: Sequence[int], actor: Actor) -> tuple[Tag, list[int]]:
    """Take a tag off exams; those that had it.

    :raises NotFound: no such tag
    """
    tag = Tag.objects.filter(pk=tag_id).first()
    if tag is None:
        raise NotFound("there is no such tag", field="tag")
    exams = _locked(exam_ids)
    rows = ExamTag.objects.filter(tag=tag, procedure_id__in=exams)
    removed = sorted(rows.values_list("procedure_id", flat=True))
    rows.delete()
    _tell(exams, removed, actor, "exam.untagged", tag=tag.name)
    return tag, removed


# --- folders --------------------------------------------------------------------------------------


def folders_of(user_id: int) -> QuerySet[Folder]:
    """The user's folders, by name."""
    return Folder.objects.filter(owner_id=user_id).order_by("name")


@transaction.atomic
def put_in_folder(name: str, exam_ids: Sequence[int], actor: Actor) -> tuple[Folder, list[int]]:
    """Put exams in the actor's folder ``name``, made when there is none; those that were not in it.

    :raises InvalidValue: no name, too long, too many exams or folders
    """
    name = _named(name, LONGEST_NAME, "folder")
    folder = folders_of(_user_id(actor)).filter(name=name).first()
    if folder is None:
        if folders_of(_user_id(actor)).count() >= MOST_OF_A_KIND:
            raise InvalidValue(f"a user has at most {MOST_OF_A_KIND} folders", field="folder")
        folder = Folder.objects.create(owner_id=_user_id(actor), name=name)
    exams = _locked(exam_ids)
    inside = set(folder.exams.filter(procedure_id__in=exams).values_list("procedure_id", flat=True))
    added = [key for key in exams if key not in inside]
    FolderExam.objects.bulk_create([FolderExam(folder=folder, procedure_id=key) for key in added])
    _tell(exams, added, actor, "exam.put_in_folder", shown=False, folder=folder.pk)
    return folder, added


@transaction.atomic
def take_out_of_folder(folder_id: int, exam_ids: Sequence[int], actor: Actor) -> tuple[Folder, list[int]]:
    """Take exams out of the actor's folder; those that were in it.

    :raises NotFound: the actor has no such folder
    """
    folder = _folder(folder_id, actor)
    exams = _locked(exam_ids)
    rows = folder.exams.filter(procedure_id__in=exams)
    removed = sorted(rows.values_list("procedure_id", flat=True))
    rows.delete()
    _tell(exams, removed, actor, "exam.taken_out_of_folder", shown=False, folder=folder.pk)
    return folder, removed


@transaction.atomic
def delete_folder(folder_id: int, actor: Actor) -> Folder:
    """Delete the actor's folder; its exams are only no longer collected there.

    :raises NotFound: the actor has no such folder
    """
    folder = _folder(folder_id, actor)
    record(actor, "folder.deleted", subject=f"folder:{folder_id}", exams=folder.exams.count())
    folder.delete()
    return folder


# --- assignments ----------------------------------------------------------------------------------


def readers() -> QuerySet[User]:
    """Who can be asked to read."""
    return User.objects.filter(is_active=True, role__in=roles_with(Function.READ_EXAM)).order_by("full_name", "pk")


@transaction.atomic
def assign_exams(reader_id: int | None, exam_ids: Sequence[int], actor: Actor) -> dict[int, int | None]:
    """Ask a reader to read exams (none: nobody any more); who was asked before, of the exams that this changed.

    :raises NotFound: no such reader
    """
    if reader_id is not None and not readers().filter(pk=reader_id).exists():
        raise NotFound("there is no such reader", field="reader")
    exams = _locked(exam_ids)
    before = dict(Assignment.objects.filter(procedure_id__in=exams).values_list("procedure_id", "reader_id"))
    changed = {key: before.get(key) for key in exams if before.get(key) != reader_id}
    Assignment.objects.filter(procedure_id__in=changed).delete()
    if reader_id is not None:
        Assignment.objects.bulk_create(
            [Assignment(procedure_id=key, reader_id=reader_id, assigned_by_id=_user_id(actor)) for key in changed]
        )
    _tell(exams, changed, actor, "exam.assigned" if reader_id else "exam.unassigned", reader=reader_id)
    return changed


# --- lists and columns ----------------------------------------------------------------------------


def lists_for(user: User) -> QuerySet[SavedList]:
    """The lists that a user sees: theirs, and those shared with everybody or with their role."""
    shared = Q(shared=True, role__in=("", user.role))
    return SavedList.objects.filter(Q(owner=user) | shared).select_related("owner").order_by("shared", "name", "pk")


@transaction.atomic
def save_list(
    name: str, parameters: dict[str, str], actor: Actor, *, shared: bool = False, role: str = ""
) -> SavedList:
    """Save a filter under a name; the actor's list of this name is overwritten.

    :raises InvalidValue: no name, too long, too many lists
    """
    name = _named(name, LONGEST_NAME, "name")
    mine = SavedList.objects.filter(owner_id=_user_id(actor))
    if mine.exclude(name=name).count() >= MOST_OF_A_KIND:
        raise InvalidValue(f"a user has at most {MOST_OF_A_KIND} lists", field="name")
    saved, _ = SavedList.objects.update_or_create(
        owner_id=_user_id(actor),
        name=name,
        defaults={"parameters": parameters, "shared": shared, "role": role if shared else ""},
    )
    record(actor, "list.saved", subject=f"list:{saved.pk}", shared=shared, role=saved.role)
    return saved


@transaction.atomic
def delete_list(list_id: int, actor: Actor, *, everybodys: bool = False) -> SavedList:
    """Delete the actor's list, with ``everybodys`` also somebody else's that is shared.

    :raises NotFound: no such list
    :raises NotPermitted: it is another user's
    """
    saved = SavedList.objects.filter(pk=list_id).first()
    if saved is None:
        raise NotFound("there is no such list", field="list")
    if saved.owner_id != actor.user_id and not (everybodys and saved.shared):
        raise NotPermitted("the list is another user's", field="list")
    SavedList.objects.filter(pk=list_id).delete()
    record(actor, "list.deleted", subject=f"list:{list_id}", shared=saved.shared)
    return saved


def columns_of(user_id: int) -> list[str] | None:
    """The columns that a user has chosen, in their order; none when they have not."""
    return ListLayout.objects.filter(user_id=user_id).values_list("columns", flat=True).first()


@transaction.atomic
def choose_columns(columns: list[str] | None, actor: Actor) -> None:
    """The actor sees these columns, or again what everybody sees."""
    user_id = _user_id(actor)
    if columns is None:
        ListLayout.objects.filter(user_id=user_id).delete()
    else:
        ListLayout.objects.update_or_create(user_id=user_id, defaults={"columns": columns})


# --- what they share ------------------------------------------------------------------------------


def _folder(folder_id: int, actor: Actor) -> Folder:
    folder = folders_of(_user_id(actor)).filter(pk=folder_id).first()
    if folder is None:
        raise NotFound("there is no such folder", field="folder")
    return folder


def _locked(exam_ids: Sequence[int]) -> dict[int, int]:
    """The exams with their patients, locked in the order of their keys; ids that are none are left out."""
    if len(exam_ids) > MOST_AT_ONCE:
        raise InvalidValue(f"at most {MOST_AT_ONCE} exams at once", field="exams")
    exams = RequestedProcedure.objects.select_for_update(no_key=True).filter(pk__in=exam_ids).order_by("pk")
    return dict(exams.values_list("pk", "patient_id"))


def _tell(
    patients: dict[int, int], exams: Iterable[int], actor: Actor, action: str, *, shown: bool = True, **details: Any
) -> None:
    for key in exams:
        record(actor, action, subject=f"exam:{key}", patient_id=patients[key], **details)
        if shown:
            announce("exam", key)


def _named(name: str, longest: int, field: str) -> str:
    name = " ".join(name.replace("\0", " ").split())
    if not name or len(name) > longest:
        raise InvalidValue(f"a name has 1 to {longest} characters", field=field)
    return name


def _user_id(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotPermitted("only users have lists and folders", field="user")
    return actor.user_id
