"""Inside Orthanc a complete study only leaves rows in the table of jobs."""

from __future__ import annotations

import hashlib

import pytest
from django.utils import timezone

from ris_core.errors import InvalidValue
from ris_core.jobs.models import Job
from ris_core.signatures.models import Signature, SignedFile, SigningCredential
from ris_plugins.report_signing.service import want_signed_reports_kept
from ris_testing.exams import a_reader, an_exam, approved

pytestmark = pytest.mark.django_db


def a_signed_report(state: str) -> SignedFile:
    reader, now = a_reader(), timezone.now()
    credential = SigningCredential.objects.create(
        owner_id=reader.user_id or 0, kind="PKCS12", not_before=now, not_after=now, certificate=b"", added_at=now
    )
    signature = Signature.objects.create(
        version=approved(an_exam(), reader),
        credential=credential,
        signer_id=reader.user_id or 0,
        state=state,
        asked_at=now,
    )
    digest = hashlib.sha256(b"%PDF").hexdigest()
    return SignedFile.objects.create(signature=signature, kind="PDF", content=b"%PDF", sha256=digest)


@pytest.mark.parametrize(("state", "jobs"), [("SIGNED", 1), ("WITHDRAWN", 0)])
def test_signed_reports_in_force_are_looked_after_once(state: str, jobs: int) -> None:
    file = a_signed_report(state)
    study = file.signature.version.reading.procedure.links.get().study
    want_signed_reports_kept(study.orthanc_id)
    want_signed_reports_kept(study.orthanc_id)
    assert Job.objects.filter(kind="store_signed_report", subject_id=str(file.pk)).count() == jobs


def test_what_is_no_study_of_orthancs_is_refused() -> None:
    with pytest.raises(InvalidValue):
        want_signed_reports_kept("../etc")
