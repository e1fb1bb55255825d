"""When what lies of a report in its study has to be put right, and which version of it counts. Imports no layout."""

from __future__ import annotations

from typing import Final

from ris_core.jobs.services import enqueue
from ris_core.reports.models import ReportRecall, ReportVersion

ARRANGE_JOB: Final = "arrange_report"
STORE_ATTEMPTS: Final = 40
"""With the worker's delays about five hours: longer than the engine is ever down by intent."""


def counts(version: ReportVersion) -> bool:
    """Whether a version is its reading's newest, and not recalled."""
    newer = ReportVersion.objects.filter(reading_id=version.reading_id, number__gt=version.number)
    return not newer.exists() and not ReportRecall.objects.filter(version=version).exists()


def arrange_in_study(reading_id: int) -> None:
    """Have the job ``arrange_report`` done, in the caller's transaction: after a recall, a newer version, a signature
    withdrawn, and after anything was stored, since one of these may have come in between."""
    enqueue(ARRANGE_JOB, reading_id, max_attempts=STORE_ATTEMPTS)
