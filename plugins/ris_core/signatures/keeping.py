"""Which signed reports a study should have in it. Also runs inside Orthanc: imports nothing that signs."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from ris_core.jobs.services import enqueue
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import FileKind, SignatureState

STORE_JOB: Final = "store_signed_report"
STORE_ATTEMPTS: Final = 40
"""As documents: longer than the engine is ever down by intent."""
_MOST_OF_A_STUDY = 20


@transaction.atomic
def keep_in_step(orthanc_study_id: str) -> int:
    """Have the signed reports of a study put into it anew; storing what is there already changes nothing.

    :returns: how many are looked after
    """
    files = SignedFile.objects.filter(
        kind=FileKind.PDF,
        signature__state=SignatureState.SIGNED,
        signature__version__reading__procedure__links__study__orthanc_id=orthanc_study_id,
        signature__version__reading__procedure__links__undone_at__isnull=True,
    )
    keys = list(files.values_list("pk", flat=True).distinct()[:_MOST_OF_A_STUDY])
    for key in keys:
        enqueue(STORE_JOB, key, max_attempts=STORE_ATTEMPTS)
    return len(keys)
