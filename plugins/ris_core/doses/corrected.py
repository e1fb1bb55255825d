"""A time of an exam as statistics count it: put right by a person, else as recorded."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef, Subquery
from django.db.models.functions import Coalesce

from ris_core.doses.models import Moment, TimeCorrection


def corrected(procedure: str, moment: Moment, recorded: str) -> Coalesce:
    """An expression for queries.

    :param procedure: the lookup of the procedure's key
    :param recorded: the lookup of the time as recorded
    """
    newest = TimeCorrection.objects.filter(procedure=OuterRef(procedure), moment=moment).order_by(
        "-corrected_at", "-pk"
    )
    return Coalesce(Subquery(newest.values("corrected_to")[:1]), recorded)


def is_corrected(procedure: str, moments: Collection[Moment]) -> Exists:
    """Whether a person has put any of ``moments`` right, for queries; few exams are, and :func:`corrected` is dear.

    :param procedure: the lookup of the procedure's key
    """
    return Exists(TimeCorrection.objects.filter(procedure=OuterRef(procedure), moment__in=moments))
