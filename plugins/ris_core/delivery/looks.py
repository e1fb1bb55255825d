"""Viewers that links of results and launches have opened, and which of them are over: part of reading ended grants.

Whose an exam is, is asked at each reading, so that whatever gives it to another record ends them; what takes images or
a report from it says so here, in its transaction. Whoever still may look opens the link again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from ris_core.access.tokens import look_grant
from ris_core.delivery.models import LookedExam, Receiver, ReceiverLook
from ris_core.orders.models import RequestedProcedure

_CLOCKS_APART: Final = timedelta(minutes=1)


def hold_still(exam_ids: Iterable[int]) -> None:
    """Lock exams, so that what is found of them now is so when the look is known to who changes them; in the caller's
    transaction, before anything is read."""
    exams = RequestedProcedure.objects.select_for_update(no_key=True).filter(pk__in=set(exam_ids))
    list(exams.order_by("pk").values_list("pk", flat=True))


def begin_look(
    receiver: str, exams: Sequence[RequestedProcedure], until: datetime, *, with_report: bool = False
) -> str:
    """The grant of a viewer token for the images of these exams (held still), until then at the latest.

    Whoever opens the same again gets the same one: a link that is clicked all day is one row.

    :param receiver: its code
    :param with_report: whether it is opened as the result, and over when the report is recalled
    """
    whose = sorted((exam.pk, exam.patient_id) for exam in exams)
    key = sha256(repr((receiver, with_report, whose)).encode()).hexdigest()
    look, is_new = ReceiverLook.objects.get_or_create(
        key=key,
        ended_at=None,
        defaults={"receiver": receiver, "with_report": with_report, "expires_at": until},
    )
    if is_new:
        LookedExam.objects.bulk_create(
            LookedExam(look=look, procedure_id=exam_id, patient_id=patient_id) for exam_id, patient_id in whose
        )
    else:
        ReceiverLook.objects.filter(pk=look.pk).update(expires_at=Greatest(F("expires_at"), until))
    return look_grant(look.pk)


def images_taken_from(exam_id: int) -> None:
    """Images are no longer the exam's, in the caller's transaction: who looks must open them again."""
    hold_still([exam_id])  # who opens it now is waited for, or waits
    _end(Q(exams__procedure=exam_id))


def report_recalled(exam_id: int) -> None:
    """The exam's report counts no more, in the caller's transaction: links of its result show nothing."""
    _end(Q(exams__procedure=exam_id, with_report=True))


def ended_looks(now: datetime) -> list[str]:
    """Grants of tokens that have not expired and permit nothing any more."""
    gone = LookedExam.objects.filter(look=OuterRef("pk")).exclude(procedure__patient=F("patient"))
    switched_off = Receiver.objects.filter(active=False).values("code")
    over = Q(ended_at__isnull=False) | Q(receiver__in=switched_off) | Q(Exists(gone))
    looks = ReceiverLook.objects.filter(over, expires_at__gt=now - _CLOCKS_APART)
    return [look_grant(pk) for pk in looks.values_list("pk", flat=True)]


def forget_looks(now: datetime) -> None:
    """Delete those of which no token can live."""
    ReceiverLook.objects.filter(expires_at__lt=now - 5 * _CLOCKS_APART).delete()


def _end(which: Q) -> None:
    now = timezone.now()
    keys = ReceiverLook.objects.filter(which, ended_at__isnull=True).values_list("pk", flat=True)
    ReceiverLook.objects.filter(pk__in=list(keys)).update(ended_at=now)
