"""The signed PDF in the study it is about: put there when it is signed, and again when the study's images change place.

It is a further instance beside the unsigned one, in the same series (``reports/encapsulated.py``).
"""

from __future__ import annotations

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.reports.arranging import arrange_in_study, counts
from ris_core.reports.documents import store_pdf
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import SignatureState

WORKER = Actor("worker")


def run_store_signed(subject_id: str) -> None:
    """The job ``store_signed_report``: once however often it runs, the same object each time.

    :raises NotWorthRepeating: the exam has no linked images (any more), or the engine has lost them
    """
    file = SignedFile.objects.select_related("signature__version__reading__procedure").get(pk=int(subject_id))
    version = file.signature.version
    if file.signature.state != SignatureState.SIGNED or not counts(version):
        # withdrawn, recalled or replaced meanwhile: it need not come, but an attempt that died may have stored it
        arrange_in_study(version.reading_id)
        return
    procedure = version.reading.procedure
    stored = store_pdf(version, bytes(file.content), content_sha256=file.sha256, signed=True)
    if file.orthanc_instance_id == stored.orthanc_id:
        return
    with transaction.atomic():
        SignedFile.objects.filter(pk=file.pk).update(orthanc_instance_id=stored.orthanc_id)
        record(
            WORKER, "signed_report.stored", subject=f"signature:{file.signature_id}", patient_id=procedure.patient_id,
            instance=stored.orthanc_id,
        )  # fmt: skip
        announce("exam", procedure.pk)
        arrange_in_study(version.reading_id)
