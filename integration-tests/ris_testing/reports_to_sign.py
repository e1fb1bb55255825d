"""Reports that wait to be signed, by the hundred, in a running suite: approved by one radiologist, their images in the
engine, their pages laid out already, as a morning's work is when it is signed.

:func:`approve_reports` works from outside; the functions below it run with Django set up inside the suite.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from pydicom.dataset import Dataset

from ris_suite import layout
from ris_testing.backends import RunningSuite
from ris_testing.modality import Modality, study_of

DEVICE: Final = "CT1"
_AT_ONCE: Final = 20
"""Images of one association."""


@dataclass(frozen=True, slots=True)
class ReportToSign:
    """A report version and the images it is about."""

    exam: int
    version: int
    patient_id: str
    accession_number: str
    study_instance_uid: str


def approve_reports(suite: RunningSuite, count: int, username: str = "bacsi") -> list[ReportToSign]:
    """Have ``username`` approve ``count`` new reports, each of an exam with one image in the engine."""
    exams = _inside(suite, f"make_exams({count})")
    modality = Modality(DEVICE, suite.dicom.host, suite.dicom.port)
    for start in range(0, count, _AT_ONCE):
        modality.store([_image(exam) for exam in exams[start : start + _AT_ONCE]])
    versions = _inside(suite, f"approve_all({[exam['exam'] for exam in exams]}, {username!r})")
    return [ReportToSign(version=version, **exam) for exam, version in zip(exams, versions, strict=True)]


def give_key(suite: RunningSuite, container: bytes, passphrase: str, username: str = "bacsi") -> None:
    """Have ``username`` add a PKCS#12 key, unlocked."""
    _inside(suite, f"add_key({base64.b64encode(container).decode()!r}, {passphrase!r}, {username!r})")


def _inside(suite: RunningSuite, call: str) -> Any:
    code = (
        f"import json, sys; sys.path.insert(0, {str(layout.REPOSITORY / 'integration-tests')!r}); "
        f"from ris_testing import reports_to_sign; print(json.dumps(reports_to_sign.{call}))"
    )
    return json.loads(suite.python(code, timeout_seconds=300).splitlines()[-1])


def _image(exam: dict[str, Any]) -> Dataset:
    (image,) = study_of(
        modality="CT",
        images=1,
        series_number=1,
        StudyInstanceUID=exam["study_instance_uid"],
        AccessionNumber=exam["accession_number"],
        PatientID=exam["patient_id"],
        PatientName="NGUYỄN^THỊ ĐÀO",
        PatientBirthDate="19801121",
        PatientSex="F",
    )
    return image


# ---- inside the suite ----


def make_exams(count: int) -> list[dict[str, Any]]:
    """Exams whose images are expected and linked: the engine's identifier of a study is known before it comes."""
    from django.db import transaction

    from ris_core.studies.engine_ids import engine_id
    from ris_testing.exams import an_exam, link_images

    made = []
    with transaction.atomic():
        for _ in range(count):
            exam = an_exam(images=False)
            patient_id = exam.patient.identifiers.get(is_primary=True).value
            link_images(exam, engine_id(patient_id, exam.study_instance_uid))
            made.append(
                {
                    "exam": exam.pk,
                    "patient_id": patient_id,
                    "accession_number": exam.request.accession_number,
                    "study_instance_uid": str(exam.study_instance_uid),
                }
            )
    return made


def approve_all(exam_ids: list[int], username: str) -> list[int]:
    """Approve a report of each exam, all printed alike: what is laid out once serves them all."""
    from django.db import transaction

    from ris_core.accounts.models import User
    from ris_core.audit.services import Actor
    from ris_core.orders.models import RequestedProcedure
    from ris_core.reports.documents import ensure_document
    from ris_core.reports.models import Document
    from ris_testing.exams import approved

    user = User.objects.get(username=username)
    reader, versions = Actor(user.username, user_id=user.pk), []
    printed: Document | None = None
    with transaction.atomic():
        for exam in RequestedProcedure.objects.filter(pk__in=exam_ids).order_by("pk"):
            version = approved(exam, reader)
            if printed is None:
                printed = ensure_document(version.pk)
            else:
                Document.objects.create(
                    version=version, kind=printed.kind, content=printed.content, sha256=printed.sha256
                )
            versions.append(version.pk)
    return versions


def add_key(container: str, passphrase: str, username: str) -> None:
    """A PKCS#12 file (base64) as a key of ``username``, unlocked."""
    from ris_core.accounts.models import User
    from ris_core.audit.services import Actor
    from ris_core.signatures.credentials import add_credential
    from ris_core.signatures.rules import CredentialKind
    from ris_core.signatures.signers import KeyPlace

    user = User.objects.get(username=username)
    place = KeyPlace(CredentialKind.PKCS12, container=base64.b64decode(container))
    add_credential(place, passphrase, Actor(user.username, user_id=user.pk))
