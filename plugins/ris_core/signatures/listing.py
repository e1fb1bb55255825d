"""Signatures as lists of exams need them: one query, however many exams."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, F, Max, Q

from ris_core.signatures.models import Signature
from ris_core.signatures.rules import SignatureState


@dataclass(slots=True)
class ExamSignature:
    """What a list tells of an exam's signatures."""

    state: str = ""
    """Of the newest signature of the version in force; empty when nobody has asked for one: a report that was corrected
    since counts as not signed."""
    stored_files: int = 0
    """Signed reports that lie in the exam's study: instances that are no images."""


def signatures_of(procedure_ids: Collection[int]) -> dict[int, ExamSignature]:
    """By exam; those without a signature are left out."""
    found = (
        Signature.objects.filter(version__reading__procedure_id__in=procedure_ids)
        .exclude(state=SignatureState.CANCELLED)
        .annotate(
            procedure_id=F("version__reading__procedure_id"),
            newest=Max("version__reading__versions__number"),
            stored=Count("files", filter=~Q(files__orthanc_instance_id=""), distinct=True),
        )
        .order_by("pk")
        .values_list("procedure_id", "state", "version__number", "newest", "stored")
    )
    signatures: dict[int, ExamSignature] = {}
    for procedure_id, state, number, newest, stored in found:
        exam = signatures.setdefault(procedure_id, ExamSignature())
        exam.stored_files += stored
        if number == newest:
            exam.state = state
    return signatures
