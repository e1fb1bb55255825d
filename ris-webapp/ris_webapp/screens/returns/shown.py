"""Who has which version of an exam's report: a table of states by receivers."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.delivery.models import Delivery, Receiver, ReturnHold
from ris_core.delivery.services import void_results
from ris_core.delivery.under_way import exam_facts_of
from ris_core.errors import TransitionRefused
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReportRecall, ReportVersion
from ris_core.reports.rules import Verb, next_state
from ris_core.signatures.models import Signature


@dataclass(frozen=True, slots=True)
class State:
    """A version of the report, its recall, or that its signature was withdrawn: one line of the table."""

    version: ReportVersion
    recall: ReportRecall | None
    withdrawn: Signature | None
    """Neither: the line is about the version itself."""
    deliveries: tuple[Delivery | None, ...]
    """One for each receiver; none: it was not owed to it."""


@dataclass(frozen=True, slots=True)
class Returned:
    """Where an exam's result is."""

    exam: RequestedProcedure
    receivers: tuple[Receiver, ...]
    states: tuple[State, ...]
    """The newest first."""
    follows: str
    """What the table changes with, as changes are told to the page."""
    void_for: tuple[Receiver, ...]
    """Receivers that had the version in force and were told that it counts no more: it is owed to them again."""
    hold: ReturnHold | None
    holds: tuple[ReturnHold, ...]
    """Those that were released."""
    payment_state: str
    recallable: tuple[Reading, ReportVersion] | None
    """What this user may recall."""
    may_release: bool
    may_see_outbox: bool


def returned(user: User, exam: RequestedProcedure) -> Returned:
    """What ``user`` sees of where the exam's result is."""
    versions = list(
        ReportVersion.objects.filter(reading__procedure=exam)
        .select_related("reading", "approved_by", "recall__recalled_by")
        .order_by("reading__ordinal", "number")
    )
    deliveries = list(Delivery.objects.filter(version__in=versions).select_related("receiver"))
    receivers = tuple(sorted({each.receiver for each in deliveries}, key=lambda each: each.name))
    by_place = {(each.receiver_id, each.version_id, each.kind): each for each in deliveries}
    states: list[State] = []
    for version in versions:
        told, void = (
            tuple(by_place.get((receiver.pk, version.pk, kind)) for receiver in receivers)
            for kind in (Delivery.Kind.RESULT, Delivery.Kind.RECALL)
        )
        states.append(State(version, None, None, told))
        recall = getattr(version, "recall", None)
        if recall or any(void):
            states.append(State(version, recall, None if recall else _withdrawn(version), void))
    holds = list(ReturnHold.objects.filter(procedure=exam).select_related("rule", "released_by").order_by("pk"))
    hold = next((each for each in holds if each.released_at is None), None)
    return Returned(
        exam=exam,
        receivers=receivers,
        states=tuple(reversed(states)),
        follows=" ".join([f"exam:{exam.pk}", *(f"delivery:{each.pk}" for each in deliveries)]),
        void_for=_void_for(versions),
        hold=hold,
        holds=tuple(each for each in holds if each.released_at is not None),
        payment_state=exam_facts_of(exam).payment_state,
        recallable=_recallable(user, versions),
        may_release=hold is not None and may(user.role, Function.RELEASE_RESULTS),
        may_see_outbox=may(user.role, Function.MANAGE_DELIVERIES),
    )


def _void_for(versions: list[ReportVersion]) -> tuple[Receiver, ...]:
    if not versions or hasattr(versions[-1], "recall"):
        return ()
    return tuple(each.receiver for each in void_results(versions[-1].pk).select_related("receiver").order_by("pk"))


def _withdrawn(version: ReportVersion) -> Signature | None:
    """The signature of whose withdrawal receivers were told."""
    withdrawn = version.signatures.filter(withdrawn_by__isnull=False).select_related("withdrawn_by")
    return withdrawn.order_by("-withdrawn_at").first()


def _recallable(user: User, versions: list[ReportVersion]) -> tuple[Reading, ReportVersion] | None:
    if not versions or not may(user.role, Function.RECALL_REPORT):
        return None
    newest = max(versions, key=lambda each: (each.approved_at, each.number))
    if hasattr(newest, "recall"):
        return None
    try:
        next_state(newest.reading.state, Verb.RECALL)
    except TransitionRefused:
        return None
    return newest.reading, newest
