"""What is done inside Orthanc when a study arrives: one row in the table of jobs, and nothing else.

Orthanc calls on one thread, and loses an event whose handler fails; the sweeper of :mod:`ris_core.studies.sweeper`
finds such a study again. Reading attributes, matching and linking is the worker's, through Orthanc's REST API.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from django.db import transaction
from django.utils import timezone

from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue

FIRST_LOOK: Final = timedelta(seconds=2)
"""After a study's first image. Devices send in bursts: by then some hundred have come, and a burst is not disturbed."""


@transaction.atomic
def want_study_followed(kind: Literal["study_arrived", "study_stable"], orthanc_id: str) -> None:
    """Have the worker look at the study; asking again while it still waits changes nothing.

    :raises InvalidValue: when ``orthanc_id`` is not an identifier of Orthanc's
    """
    run_at = timezone.now() + FIRST_LOOK if kind == "study_arrived" else None
    enqueue(kind, OrthancId(orthanc_id), run_at=run_at)
