"""One study linked to several exams, as when head and neck are ordered apart and scanned together.

Each of them shows its images and its dose; what is summed over exams counts a study once, with the exam that was linked
to it first.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from ris_core.orders.models import RequestedProcedure
from ris_core.studies.models import StudyLink


def counting_links() -> QuerySet[StudyLink]:
    """The links in force by which studies are counted: for each study, the earliest."""
    links = StudyLink.objects.filter(undone_at__isnull=True)
    earlier = links.filter(study=OuterRef("study"), pk__lt=OuterRef("pk"))
    return links.filter(~Exists(earlier))


def sharing(procedure_id: int) -> QuerySet[RequestedProcedure]:
    """The other exams that have a study of this one, the earliest linked first."""
    own = StudyLink.objects.filter(procedure=procedure_id, undone_at__isnull=True).values("study")
    theirs = StudyLink.objects.filter(study__in=own, undone_at__isnull=True).exclude(procedure=procedure_id)
    return RequestedProcedure.objects.filter(pk__in=theirs.values("procedure")).order_by("pk")
