"""Which exams the worklist shows, in which order: page after page by keys, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Case, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, NullIf

from ris_core.accounts.models import User
from ris_core.exam_lists.models import Assignment, FolderExam
from ris_core.exam_lists.targets import WAITING, late_exams
from ris_core.exam_search.expression import All, Expression, all_of, phrase
from ris_core.exam_search.regions import names_region
from ris_core.exam_search.services import find, find_typed
from ris_core.exam_search.source import Field
from ris_core.exam_search.words import words_of
from ris_core.orders.models import FINISHED, ExamState, RequestedProcedure, ScheduledProcedureStep, Urgency
from ris_core.patients.models import PatientIdentifier
from ris_core.reports.models import Reading
from ris_core.sight.seeing import Sight, seen_exams
from ris_webapp.screens.worklist.exams import ExamRow, rows_of
from ris_webapp.screens.worklist.filters import WORD_FILTERS, Cursor, Filter

PAGE_ROWS: Final = 50

SORTED_AMONG: Final = 5000
"""A sort by a column is of so many of the newest exams of the filter; the page says when there are more."""

MOST_CLAIMED: Final = 1000
"""Nobody has more unfinished readings."""


@dataclass(frozen=True, slots=True)
class ExamPage:
    """One page of exams, and where the next begins (none on the last)."""

    rows: list[ExamRow]
    next_cursor: Cursor | None
    sorted_among: int | None = None
    """When only the newest exams were sorted: how many."""


@dataclass(frozen=True, slots=True)
class Exams:
    """The exams of a filter, in no order; of those that a search found, the newest are known already.

    What is found among ``newest`` are the newest of ``all`` without a gap, so that a page that they fill is the page.
    """

    all: QuerySet[RequestedProcedure]
    newest: QuerySet[RequestedProcedure] | None = None


def exams_of(user_id: int) -> set[int]:
    """The exams that a user has claimed and not finished, and those they are asked to read."""
    claimed = Reading.objects.filter(claimed_by_id=user_id, state__in=("CLAIMED", "DRAFT", "PRELIMINARY"))
    asked = Assignment.objects.filter(reader_id=user_id, procedure__exam_state__in=WAITING)
    keys = (each.values_list("procedure_id", flat=True)[:MOST_CLAIMED] for each in (claimed, asked))
    return {key for found in keys for key in found}


def filtered(wanted: Filter, user: User, sight: Sight | None = None) -> Exams:
    """The exams of the filter that the user sees, but for its chips of state, modality and priority."""
    user_id = user.pk
    exams = seen_exams(RequestedProcedure.objects.all(), user, sight)
    period = wanted.period()
    if period:
        exams = exams.filter(scheduled_at__gte=period[0], scheduled_at__lt=period[1])
    if wanted.mine:
        exams = exams.filter(pk__in=exams_of(user_id))
    if wanted.reader:
        exams = exams.filter(readings__claimed_by_id=wanted.reader)
    if wanted.tag:
        exams = exams.filter(tags__tag_id=wanted.tag)
    if wanted.folder:
        inside = FolderExam.objects.filter(folder_id=wanted.folder, folder__owner_id=user_id)
        exams = exams.filter(pk__in=inside.values("procedure_id"))
    if wanted.late:
        exams = exams.filter(pk__in=late_exams().values("pk"))
    if wanted.patient_class:
        exams = exams.filter(request__visit__patient_class=wanted.patient_class)
    return _searched(exams, wanted) if wanted.searching else Exams(exams)


def _searched(exams: QuerySet[RequestedProcedure], wanted: Filter) -> Exams:
    chosen, begun = _chosen(wanted, whole=True), _chosen(wanted, whole=False)
    found = find_typed(wanted.query, chosen, begun) if wanted.query else find(chosen, begun)
    return Exams(found.among(exams), found.newest_among(exams))


def _chosen(wanted: Filter, *, whole: bool) -> Expression | None:
    """The words of the further filters: all whole, or of each filter the last one begun; of reports always whole."""
    parts: list[Expression] = []
    for name in WORD_FILTERS:
        words = words_of(getattr(wanted, name))
        if words:
            field = Field(name)
            parts.append(all_of(words, field, whole=True) if whole or field == Field.REPORT else phrase(words, field))
    if wanted.region:
        parts.append(names_region(wanted.region))
    if wanted.modality:  # a word of the service too: what is rare together is few, and not walked for
        parts.append(all_of(words_of(wanted.modality), Field.SERVICE, whole=True))
    return All(tuple(parts)) if parts else None


def with_chips(exams: Exams, wanted: Filter) -> Exams:
    """Those of :func:`filtered` that the chips of state, modality and priority show."""
    newest = None if exams.newest is None else _with_chips(exams.newest, wanted)
    return Exams(_with_chips(exams.all, wanted), newest)


def _with_chips(exams: QuerySet[RequestedProcedure], wanted: Filter) -> QuerySet[RequestedProcedure]:
    if wanted.exam_states:
        exams = exams.filter(exam_state__in=wanted.exam_states)
    if wanted.modality:
        exams = exams.filter(modality=wanted.modality)
    if wanted.priority_ranks:
        exams = exams.filter(priority_rank__in=wanted.priority_ranks)
    return exams


def exam_page(
    wanted: Filter,
    user: User,
    after: Cursor | None = None,
    size: int = PAGE_ROWS,
    *,
    exams: Exams | None = None,
) -> ExamPage:
    """The ``size`` exams that follow ``after`` in the filter's order.

    By priority: unfinished exams by urgency and due time, then finished ones from the latest back. Both are asked by
    themselves in the order of an index: a database that is asked for all at once sorts them all.

    :param exams: what :func:`filtered` gives, when it has been asked already
    """
    shown = with_chips(filtered(wanted, user) if exams is None else exams, wanted)
    among = None
    if wanted.sort_column:
        ids = _by_column(shown.all, wanted.sort_column, after, size + 1)
        if shown.all.order_by("-scheduled_at", "-pk")[SORTED_AMONG : SORTED_AMONG + 1].exists():
            among = SORTED_AMONG
    elif wanted.newest_first:
        ids = [] if shown.newest is None else _from_latest(shown.newest, after, size + 1)
        if len(ids) <= size:
            ids = _from_latest(shown.all, after, size + 1)
    else:
        ids = _unfinished(shown.all, after, size + 1)
        if len(ids) <= size:
            finished = shown.all.filter(exam_state__in=FINISHED)
            ids += _from_latest(
                finished, after if after and after.urgency == Urgency.FINISHED else None, size + 1 - len(ids)
            )
    rows = rows_of(ids[:size])
    return ExamPage(rows, rows[-1].cursor if rows and len(ids) > size else None, among)


def _unfinished(exams: QuerySet[RequestedProcedure], after: Cursor | None, limit: int) -> list[int]:
    exams = exams.filter(urgency__lt=Urgency.FINISHED)
    if after:
        same = Q(urgency=after.urgency, due_at=after.due_at, pk__gt=after.procedure_id)
        later = Q(urgency=after.urgency, due_at__gt=after.due_at)
        exams = exams.filter(same | later | Q(urgency__gt=after.urgency), urgency__gte=after.urgency)
    return list(exams.order_by("urgency", "due_at", "pk").values_list("pk", flat=True)[:limit])


def _from_latest(exams: QuerySet[RequestedProcedure], after: Cursor | None, limit: int) -> list[int]:
    if after:
        earlier = Q(scheduled_at__lt=after.scheduled_at) | Q(pk__lt=after.procedure_id)
        exams = exams.filter(earlier, scheduled_at__lte=after.scheduled_at)
    return list(exams.order_by("-scheduled_at", "-pk").values_list("pk", flat=True)[:limit])


_PRIMARY = PatientIdentifier.objects.filter(patient_id=OuterRef("patient_id"), is_primary=True)
_STEPS = ScheduledProcedureStep.objects.filter(procedure_id=OuterRef("pk")).order_by("pk")
_READERS = Reading.objects.filter(procedure_id=OuterRef("pk"), claimed_by__isnull=False).order_by("ordinal")
_EMPTY = Value("")

_SORT_KEYS: Final[dict[str, Any]] = {
    "patient": F("patient__search_key"),
    "patient_id": Coalesce(Subquery(_PRIMARY.values("value")[:1]), _EMPTY),
    "age": F("patient__birth_date"),
    "accession": F("request__accession_number"),
    "modality": F("modality"),
    "service": F("service_name"),
    "room": Coalesce(
        NullIf(Subquery(_STEPS.values("room")[:1]), _EMPTY), Subquery(_STEPS.values("station_ae_title")[:1]), _EMPTY
    ),
    "state": Case(*(When(exam_state=state, then=Value(place)) for place, state in enumerate(ExamState))),
    "waiting": Coalesce("images_arrived_at", "scheduled_at"),
    "reader": Coalesce(Subquery(_READERS.values("claimed_by__full_name")[:1]), _EMPTY),
    "department": F("request__requesting_department"),
}
"""What each column is sorted by; never null."""


def _by_column(exams: QuerySet[RequestedProcedure], sort: str, after: Cursor | None, limit: int) -> list[int]:
    downwards, key = sort.startswith("-"), _SORT_KEYS[sort.removeprefix("-")]
    newest = exams.order_by("-scheduled_at", "-pk").values("pk")[:SORTED_AMONG]
    keyed = RequestedProcedure.objects.annotate(sort_key=key)
    page = keyed.filter(pk__in=newest)
    if after:
        last = keyed.filter(pk=after.procedure_id).values_list("sort_key", flat=True).first()
        if last is not None:
            beyond = Q(sort_key__lt=last) if downwards else Q(sort_key__gt=last)
            page = page.filter(beyond | Q(sort_key=last, pk__gt=after.procedure_id))
    return list(page.order_by("-sort_key" if downwards else "sort_key", "pk").values_list("pk", flat=True)[:limit])
