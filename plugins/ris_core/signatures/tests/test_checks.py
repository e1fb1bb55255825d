"""Checking strangers' files: what is said of good, changed, foreign and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_core.audit.services import Actor
from ris_core.reports.models import VersionStatus
from ris_core.signatures.checked import Since, Trust
from ris_core.signatures.checks import Standing, check_file
from ris_core.signatures.errors import FileNotChecked
from ris_core.signatures.models import Signature, SignedFile
from ris_core.signatures.policy import distrust_certificate, trust_certificate
from ris_core.signatures.rules import Level
from ris_core.signatures.services import withdraw
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.exams import a_reader, an_exam, approved
from ris_testing.signing import a_credential, a_site_that_signs, signed_now
from ris_testing.trust_services import TrustServices

pytestmark = pytest.mark.django_db


def a_signed_file(services: TrustServices, owner: KeyAndCertificate, level: Level) -> tuple[Signature, bytes, Actor]:
    a_site_that_signs(services, level)
    reader = a_reader()
    signature = signed_now(approved(an_exam(), reader), a_credential(reader, owner), reader)
    return signature, bytes(SignedFile.objects.get(signature=signature, kind="PDF").content), reader


@pytest.mark.parametrize(
    ("level", "since"),
    [(Level.B_T, Since.NOTHING), (Level.B_LT, Since.PROOFS_ADDED), (Level.B_LTA, Since.PROOFS_ADDED)],
)
def test_a_good_file_is_told_who_when_and_what(
    services: TrustServices, owner: KeyAndCertificate, level: Level, since: Since
) -> None:
    signature, pdf, _ = a_signed_file(services, owner, level)
    services.asked.clear()
    checked = check_file(pdf)
    first = checked.file.signatures[0]
    assert (first.signer, first.intact, first.trust) == ("BS. Trần Minh Quân", True, Trust.TRUSTED)
    assert first.level == level
    assert first.since == since
    assert first.proved_at is not None
    assert checked.standing == Standing.IN_FORCE
    binding = checked.file.binding
    assert binding is not None
    assert binding.text_agrees
    assert binding.document_agrees
    assert binding.text_sha256 == signature.version.content_sha256
    assert services.asked == []  # a stranger's file makes us ask nobody


def test_a_changed_file_is_told_so(services: TrustServices, owner: KeyAndCertificate) -> None:
    _, pdf, _ = a_signed_file(services, owner, Level.B_B)
    place = pdf.index(b"/Contents", 1000)
    changed = check_file(pdf[: place - 400] + bytes([pdf[place - 400] ^ 1]) + pdf[place - 399 :])
    assert not any(one.intact for one in changed.file.signatures)
    assert changed.standing == Standing.UNKNOWN


def test_words_put_over_a_signed_report_are_told(
    services: TrustServices, owner: KeyAndCertificate, tmp_path: Path
) -> None:
    from io import BytesIO

    from pypdf import PdfReader, PdfWriter
    from pypdf.annotations import FreeText

    _, pdf, _ = a_signed_file(services, owner, Level.B_B)
    writer = PdfWriter(BytesIO(pdf), incremental=True)
    assert PdfReader(BytesIO(pdf)).pages
    writer.add_annotation(0, FreeText(text="Binh thuong", rect=(50, 550, 200, 650)))
    out = BytesIO()
    writer.write(out)
    (only,) = check_file(out.getvalue()).file.signatures
    assert only.intact  # the bytes that were signed are still there
    assert only.since == Since.CHANGED


def test_a_file_of_an_authority_that_is_not_trusted_is_told_so(
    services: TrustServices, owner: KeyAndCertificate
) -> None:
    _, pdf, _ = a_signed_file(services, owner, Level.B_T)
    distrust_certificate(trust_certificate(services.authority.root.pem, Actor("admin")).pk, Actor("admin"))
    (only,) = check_file(pdf).file.signatures
    assert (only.intact, only.trust) == (True, Trust.UNKNOWN_AUTHORITY)


def test_a_withdrawn_a_replaced_and_a_corrected_file_are_told_so(owner: KeyAndCertificate) -> None:
    reader, exam = a_reader(), an_exam()
    version, credential = approved(exam, reader), a_credential(reader, owner)

    def content(signature: Signature) -> bytes:
        return bytes(SignedFile.objects.get(signature=signature, kind="PDF").content)

    first = content(signed_now(version, credential, reader))
    second_signature = signed_now(version, credential, reader)
    assert check_file(first).standing == Standing.SIGNED_AGAIN
    second = content(second_signature)
    assert (told := check_file(first).withdrawal) is not None
    assert (told.by, told.reason) == ("", "")
    assert check_file(second).withdrawal is None
    withdraw(second_signature.pk, "Ký nhầm", reader)
    withdrawn = check_file(second)
    assert withdrawn.standing == Standing.WITHDRAWN
    assert withdrawn.withdrawal is not None
    assert (withdrawn.withdrawal.by, withdrawn.withdrawal.reason) == ("ThS.BS. Trần Minh Quân", "Ký nhầm")
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đính chính.")
    assert check_file(second).standing == Standing.CORRECTED


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"%PDF-1.7\n" + b"x" * 5000, b"%PDF-1.7\n1 0 obj\n<< /A 1 0 R >>\nendobj\nstartxref\n9\n%%EOF"],
)
def test_what_is_no_pdf_is_refused(content: bytes) -> None:
    with pytest.raises(FileNotChecked):
        check_file(content)
