"""Tell receivers what happens: who wants to know gets a row in the outbox, in the transaction in which it happens.

How each is told is :mod:`ris_core.notifications.transports`.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Final

from django.db.models import Max
from django.utils import timezone

from ris_core.changes.services import announce
from ris_core.jobs.services import enqueue
from ris_core.notifications.models import Notification, NotificationRule
from ris_core.notifications.rules import Event, wants
from ris_core.orders.models import RequestedProcedure
from ris_core.statements import Param, Select

JOB_KIND: Final = "notify"

_find_rules = Select(
    NotificationRule.objects.filter(event=Param("event"), active=True, receiver__active=True)
    .order_by("receiver_id", "id")
    .values_list("receiver_id", "modality", "source")
)


def expect_rules(event: Event) -> None:
    """Send ahead what :func:`announce_event` reads."""
    _find_rules.expect(event=event.value)


def announce_event(event: str, procedure_id: int) -> None:
    """Tell everybody who wants to know that ``event`` (:class:`~ris_core.notifications.rules.Event`) has happened to
    an exam, in the caller's transaction. Costs one indexed read when nobody does.

    :raises ValueError: there is no such event
    """
    rules = _find_rules.rows(event=Event(event).value)
    if not rules:
        return
    # locked: events of one exam are numbered in the order of their transactions
    exam = RequestedProcedure.objects.select_for_update().get(pk=procedure_id)
    receivers = _receivers(rules, exam.modality, exam.source)
    key = f"procedure:{exam.pk}"
    _owe(receivers, Event(event), exam.pk, thread=key, subject=key, now=timezone.now())


def announce_message(event: Event, *, subject: str, thread: str, modality: str, procedure_id: int | None) -> None:
    """Tell everybody who wants a device's own messages of one, in the caller's transaction.

    :param subject: ``kind:key`` of the message
    :param thread: what must reach the receiver in order, locked by the caller
    """
    rules = _find_rules.rows(event=event.value)
    if not rules:
        return
    exams = RequestedProcedure.objects.filter(pk__in=[procedure_id] if procedure_id else [])
    receivers = _receivers(rules, modality, exams.values_list("source", flat=True).first() or "")
    _owe(receivers, event, procedure_id, thread=thread, subject=subject, now=timezone.now())


def lane(notification: Notification) -> str:
    """One exam's events go in order."""
    return f"notify:{notification.receiver_id}:{notification.thread}"


def channel(notification: Notification) -> str:
    """One receiver is told one thing at a time."""
    return f"notify:{notification.receiver_id}"


def _receivers(rules: list[tuple[int, str, str]], modality: str, source: str) -> list[int]:
    """Each receiver once, however many of its rules match."""
    return list(dict.fromkeys(key for key, of_modality, of in rules if wants(of_modality, of, modality, source)))


def _owe(
    receivers: list[int], event: Event, procedure_id: int | None, *, thread: str, subject: str, now: datetime
) -> None:
    for receiver_id in receivers:
        of_thread = Notification.objects.filter(receiver_id=receiver_id, thread=thread)
        last = of_thread.aggregate(last=Max("sequence"))["last"] or 0
        notification = Notification.objects.create(
            receiver_id=receiver_id,
            event=event.value,
            occurred_at=now,
            procedure_id=procedure_id,
            thread=thread,
            subject=subject,
            sequence=last + 1,
            control_id=f"QN{secrets.token_hex(9)}",
            queued_at=now,
        )
        enqueue(JOB_KIND, notification.pk, lane=lane(notification), channel=channel(notification))
        announce("notification", notification.pk)
