"""Signing a report: levels, kinds of keys, what is bound, and what another validator says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_der_private_key
from django.conf import settings as django_settings
from lxml import etree
from pypdf import PdfReader

from ris_core.audit.models import AuditEvent
from ris_core.jobs.models import Job
from ris_core.key_images.models import KeyImage, VersionKeyImage
from ris_core.reports.models import VersionStatus
from ris_core.signatures import services as use
from ris_core.signatures import signers
from ris_core.signatures.credentials import add_credential, lock, unlock
from ris_core.signatures.errors import (
    CredentialLocked,
    CredentialUnusable,
    NotToBeSigned,
    PolicyIncomplete,
    SecretRefused,
    TrustServiceUnavailable,
)
from ris_core.signatures.models import Signature, SignedFile, UnlockedCredential
from ris_core.signatures.policy import change_policy
from ris_core.signatures.rules import CredentialKind, FileKind, Level, SignatureState
from ris_core.signatures.signers import KeyPlace
from ris_core.signatures.structured import SCHEMA
from ris_testing import csc_service, soft_token
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.exams import a_reader, an_exam, approved
from ris_testing.signing import (
    PASSPHRASE,
    a_credential,
    a_site_that_signs,
    signed_now,
    verdicts_of_others,
    work,
    xmlsec_agrees,
)
from ris_testing.trust_services import TrustServices, trust_services

pytestmark = pytest.mark.django_db


def file_of(signature: Signature, kind: FileKind) -> bytes:
    return bytes(SignedFile.objects.get(signature=signature, kind=kind).content)


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        (Level.B_B, ["signature"]),
        (Level.B_T, ["signature"]),
        (Level.B_LT, ["signature"]),
        (Level.B_LTA, ["signature", "time stamp"]),
    ],
)
def test_each_level_is_valid_for_independent_validators(
    services: TrustServices, owner: KeyAndCertificate, tmp_path: Path, level: Level, kinds: list[str]
) -> None:
    a_site_that_signs(services, level)
    reader = a_reader()
    signature = signed_now(approved(an_exam(), reader), a_credential(reader, owner), reader)

    assert signature.state == SignatureState.SIGNED, signature.problem
    assert signature.level == level
    pdf, root = file_of(signature, FileKind.PDF), services.authority.root.pem
    verdicts = verdicts_of_others(pdf, tmp_path, root)
    assert [verdict.kind for verdict in verdicts] == kinds
    assert all(verdict.valid for verdict in verdicts)
    assert verdicts[0].poppler == "Signature is Valid."
    assert verdicts[0].signer == "BS. Trần Minh Quân"
    assert ("/tsa" in services.asked) == (level is not Level.B_B)
    place = pdf.index(b"endobj") - 2  # within what is signed
    changed = verdicts_of_others(pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :], tmp_path, root)
    assert not any(verdict.valid for verdict in changed)
    assert changed[0].poppler != "Signature is Valid."


def test_the_printed_report_is_kept_byte_for_byte_and_carries_what_is_bound(
    services: TrustServices, owner: KeyAndCertificate, tmp_path: Path
) -> None:
    a_site_that_signs(services, Level.B_T)
    reader, exam = a_reader(), an_exam()
    version = approved(exam, reader)
    signature = signed_now(version, a_credential(reader, owner), reader)
    pdf = file_of(signature, FileKind.PDF)

    assert signature.document is not None
    assert pdf.startswith(bytes(signature.document.content))
    statement = PdfReader(BytesIO(pdf)).attachments["ket-qua.xml"][0]
    root = etree.fromstring(statement)
    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(root)
    names = {"r": "urn:quang:signed-result:1"}
    assert root.xpath("string(//r:Text/@sha256)", namespaces=names) == version.content_sha256
    assert root.xpath("string(//r:Document/@sha256)", namespaces=names) == signature.document.sha256
    assert root.xpath("//r:Study/@uid", namespaces=names) == [exam.study_instance_uid]
    assert root.xpath("string(//r:Report/@version)", namespaces=names) == "1"
    assert signature.bound["text_sha256"] == version.content_sha256
    assert signature.bound["study_uids"] == [exam.study_instance_uid]
    assert hashlib.sha256(pdf).hexdigest() == SignedFile.objects.get(signature=signature, kind="PDF").sha256


def test_the_key_images_of_the_version_are_bound_by_their_hashes(owner: KeyAndCertificate) -> None:
    reader, exam = a_reader(), an_exam()
    version = approved(exam, reader)
    picture = b"\xff\xd8 a picture"
    chosen = KeyImage.objects.create(
        procedure=exam,
        study_instance_uid=exam.study_instance_uid,
        series_instance_uid="1.2.3.4",
        sop_instance_uid="1.2.3.4.5",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        frame=7,
        picture=picture,
        sha256=hashlib.sha256(picture).hexdigest(),
        width=64,
        height=64,
        chosen_by_id=version.approved_by_id,
        chosen_at=version.approved_at,
    )
    VersionKeyImage.objects.create(version=version, key_image=chosen, position=0, sha256=chosen.sha256)
    signature = signed_now(version, a_credential(reader, owner), reader)
    root = etree.fromstring(file_of(signature, FileKind.XML))
    (stated,) = root.xpath("//r:KeyImage", namespaces={"r": "urn:quang:signed-result:1"})
    assert dict(stated.attrib) == {"sopInstanceUid": "1.2.3.4.5", "frame": "7", "sha256": chosen.sha256}


def test_a_key_from_a_file_is_loaded_once_for_all_signatures_of_a_report(
    owner: KeyAndCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def counting(who: str) -> Callable[..., object]:
        def load(*arguments: object, **options: object) -> object:
            loaded.append(who)
            return load_der_private_key(*arguments, **options)  # type: ignore[arg-type]

        return load

    monkeypatch.setattr(signers, "load_der_private_key", counting("ours"))
    monkeypatch.setattr(serialization, "load_der_private_key", counting("the library's"))
    reader = a_reader()
    signature = signed_now(approved(an_exam(), reader), a_credential(reader, owner), reader)
    assert signature.state == SignatureState.SIGNED, signature.problem
    assert loaded == ["ours"]


def test_the_structured_result_is_valid_for_xmlsec(
    services: TrustServices, owner: KeyAndCertificate, tmp_path: Path
) -> None:
    a_site_that_signs(services, Level.B_B)
    reader = a_reader()
    xml = file_of(signed_now(approved(an_exam(), reader), a_credential(reader, owner), reader), FileKind.XML)
    root = services.authority.root.pem

    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(etree.fromstring(xml))
    assert xmlsec_agrees(xml, tmp_path, root)
    assert not xmlsec_agrees(xml.replace("xuất huyết".encode(), "tụ máu".encode()), tmp_path, root)


def test_a_token_signs(
    services: TrustServices,
    owner: KeyAndCertificate,
    tmp_path: Path,
    token: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quang = django_settings.QUANG
    signing = msgspec.structs.replace(quang.signing, pkcs11_module=soft_token.module())
    monkeypatch.setattr(django_settings, "QUANG", msgspec.structs.replace(quang, signing=signing))
    a_site_that_signs(services, Level.B_T)
    reader = a_reader()
    place = KeyPlace(CredentialKind.PKCS11, token=soft_token.TOKEN, reference=soft_token.LABEL)
    with pytest.raises(SecretRefused):
        add_credential(place, "00000", reader)
    signature = signed_now(approved(an_exam(), reader), add_credential(place, soft_token.PIN, reader), reader)

    assert signature.state == SignatureState.SIGNED, signature.problem
    verdicts = verdicts_of_others(file_of(signature, FileKind.PDF), tmp_path, services.authority.root.pem)
    assert [verdict.valid for verdict in verdicts] == [True]
    assert xmlsec_agrees(file_of(signature, FileKind.XML), tmp_path, services.authority.root.pem)


@pytest.fixture(scope="module")
def token(owner: KeyAndCertificate, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return soft_token.make_token(tmp_path_factory.mktemp("softhsm"), owner)


@pytest.mark.parametrize("version", [1, 2])
def test_a_remote_service_signs(
    services: TrustServices,
    owner: KeyAndCertificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: int,
) -> None:
    quang = django_settings.QUANG
    (quang.secrets_dir / "csc_client_secret").write_text(csc_service.CLIENT_SECRET)
    with csc_service.csc_service(owner) as service:
        signing = msgspec.structs.replace(
            quang.signing, csc_url=service.url(version), csc_version=version, csc_client_id=csc_service.CLIENT_ID
        )
        monkeypatch.setattr(django_settings, "QUANG", msgspec.structs.replace(quang, signing=signing))
        a_site_that_signs(services, Level.B_T)
        reader = a_reader()
        with pytest.raises(CredentialUnusable):
            add_credential(KeyPlace(CredentialKind.REMOTE, reference="nobody"), service.pin, reader)
        credential = add_credential(
            KeyPlace(CredentialKind.REMOTE, reference=service.credential_id), service.pin, reader
        )
        signature = signed_now(approved(an_exam(), reader), credential, reader)
        assert signature.state == SignatureState.SIGNED, signature.problem
        assert service.signed == 2  # the PDF and the structured result
        assert xmlsec_agrees(file_of(signature, FileKind.XML), tmp_path, services.authority.root.pem)
        assert verdicts_of_others(file_of(signature, FileKind.PDF), tmp_path, services.authority.root.pem)[0].valid

        service.away = True
        waiting = use.ask_for_signature(approved(an_exam(), reader).pk, credential.pk, reader)
        with pytest.raises(Exception, match="signing service"):
            work(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.problem_code) == (SignatureState.QUEUED, "QUANG-5507")

        service.away, service.pin = False, "changed"
        work(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, waiting.problem_code) == (SignatureState.FAILED, "QUANG-5503")
        assert not UnlockedCredential.objects.filter(credential=credential).exists()  # a wrong PIN is not tried again


def test_a_time_stamp_that_cannot_be_had_is_waited_for(services: TrustServices, owner: KeyAndCertificate) -> None:
    a_site_that_signs(services, Level.B_T)
    reader = a_reader()
    signature = use.ask_for_signature(approved(an_exam(), reader).pk, a_credential(reader, owner).pk, reader)
    services.broken.add("/tsa")
    with pytest.raises(TrustServiceUnavailable):
        work(signature.pk)
    signature.refresh_from_db()
    assert (signature.state, signature.problem_code) == (SignatureState.QUEUED, "QUANG-5506")

    services.broken.clear()
    work(signature.pk)
    signature.refresh_from_db()
    assert (signature.state, signature.problem) == (SignatureState.SIGNED, "")


def test_without_word_about_revocation_no_long_term_signature_is_made(
    services: TrustServices, owner: KeyAndCertificate
) -> None:
    a_site_that_signs(services, Level.B_LT)
    reader = a_reader()
    signature = use.ask_for_signature(approved(an_exam(), reader).pk, a_credential(reader, owner).pk, reader)
    services.broken |= {"/ocsp", "/crl"}
    with pytest.raises(TrustServiceUnavailable):
        work(signature.pk)
    assert not SignedFile.objects.exists()


@pytest.mark.parametrize("level", [Level.B_B, Level.B_LT])
def test_a_revoked_certificate_signs_nothing(services: TrustServices, level: Level) -> None:
    a_site_that_signs(services, level)
    reader, owner = a_reader(), services.authority.issue("BS. Người Cũ")
    credential = a_credential(reader, owner)
    services.authority.revoke(owner.certificate)
    signature = signed_now(approved(an_exam(), reader), credential, reader)
    assert (signature.state, signature.problem_code) == (SignatureState.FAILED, "QUANG-5505")


def test_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_asked_of_it(
    services: TrustServices, tmp_path: Path
) -> None:
    a_site_that_signs(services, Level.B_LT)
    reader = a_reader()
    with trust_services(tmp_path / "other") as other:
        credential = a_credential(reader, other.authority.issue("Ai Đó"))
        signature = signed_now(approved(an_exam(), reader), credential, reader)
        assert other.asked == []
    assert (signature.state, signature.problem_code) == (SignatureState.FAILED, "QUANG-5505")


def test_only_the_approver_signs_and_only_final_words_in_force(owner: KeyAndCertificate) -> None:
    reader, other = a_reader(), a_reader()
    mine, theirs = a_credential(reader, owner), a_credential(other, owner)
    exam = an_exam()
    preliminary = approved(exam, reader, status=VersionStatus.PRELIMINARY)
    with pytest.raises(NotToBeSigned):
        use.ask_for_signature(preliminary.pk, mine.pk, reader)
    final = approved(exam, reader)
    with pytest.raises(Exception, match="approved"):
        use.ask_for_signature(final.pk, theirs.pk, other)
    with pytest.raises(Exception, match="no such key"):
        use.ask_for_signature(final.pk, theirs.pk, reader)
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đính chính.")
    with pytest.raises(NotToBeSigned):
        use.ask_for_signature(final.pk, mine.pk, reader)


def test_a_version_corrected_while_its_signature_waited_is_not_signed(owner: KeyAndCertificate) -> None:
    reader, exam = a_reader(), an_exam()
    signature = use.ask_for_signature(approved(exam, reader).pk, a_credential(reader, owner).pk, reader)
    approved(exam, reader, status=VersionStatus.CORRECTED, conclusion="Đính chính.")
    work(signature.pk)
    signature.refresh_from_db()
    assert (signature.state, signature.problem_code) == (SignatureState.FAILED, "QUANG-5501")


def test_asking_twice_signs_once_and_signing_again_replaces(owner: KeyAndCertificate) -> None:
    reader = a_reader()
    version, credential = approved(an_exam(), reader), a_credential(reader, owner)
    first = use.ask_for_signature(version.pk, credential.pk, reader)
    assert use.ask_for_signature(version.pk, credential.pk, reader).pk == first.pk
    work(first.pk)
    work(first.pk)  # the job again, as after a worker's death
    assert SignedFile.objects.count() == 2

    second = signed_now(version, credential, reader)
    first.refresh_from_db()
    assert (first.state, first.withdrawn_reason) == (SignatureState.WITHDRAWN, "signed again")
    assert second.state == SignatureState.SIGNED
    assert {file.signature_id for file in use.signed_files_of(version.pk)} == {second.pk}


def test_a_signature_is_withdrawn_by_its_signer_with_a_reason(owner: KeyAndCertificate) -> None:
    reader, other = a_reader(), a_reader()
    version = approved(an_exam(), reader)
    signature = signed_now(version, a_credential(reader, owner), reader)
    with pytest.raises(Exception, match="say why"):
        use.withdraw(signature.pk, " ", reader)
    with pytest.raises(Exception, match="signer"):
        use.withdraw(signature.pk, "nhầm", other)
    use.withdraw(signature.pk, "Ký nhầm", reader)
    assert not use.signed_files_of(version.pk).exists()
    assert SignedFile.objects.count() == 2  # kept: a check of them says so
    assert AuditEvent.objects.filter(action="signature.withdrawn", patient_id__isnull=False).count() == 1


def test_a_locked_key_signs_nothing_and_unlocking_it_goes_on(owner: KeyAndCertificate) -> None:
    reader = a_reader()
    credential = a_credential(reader, owner)
    signature = use.ask_for_signature(approved(an_exam(), reader).pk, credential.pk, reader)
    lock(credential.pk, reader)
    work(signature.pk)
    signature.refresh_from_db()
    assert (signature.state, signature.problem_code) == (SignatureState.QUEUED, "QUANG-5502")
    with pytest.raises(CredentialLocked):
        use.ask_for_signature(approved(an_exam(), reader).pk, credential.pk, reader)
    with pytest.raises(SecretRefused):
        unlock(credential.pk, "sai", reader)

    Job.objects.all().delete()
    unlock(credential.pk, PASSPHRASE, reader)
    assert Job.objects.filter(kind="sign_report", subject_id=str(signature.pk)).exists()
    work(signature.pk)
    signature.refresh_from_db()
    assert signature.state == SignatureState.SIGNED


def test_unlocking_while_a_worker_finds_the_key_locked_leaves_nothing_waiting_for_ever(
    owner: KeyAndCertificate,
) -> None:
    reader = a_reader()
    credential = a_credential(reader, owner)
    signature = use.ask_for_signature(approved(an_exam(), reader).pk, credential.pk, reader)
    lock(credential.pk, reader)
    Job.objects.all().delete()
    Signature.objects.filter(pk=signature.pk).update(state=SignatureState.SIGNING)  # and will be put back
    unlock(credential.pk, PASSPHRASE, reader)
    assert Job.objects.filter(kind="sign_report", subject_id=str(signature.pk)).exists()


def test_secrets_are_nowhere_in_clear(owner: KeyAndCertificate, caplog: pytest.LogCaptureFixture) -> None:
    reader = a_reader()
    credential = a_credential(reader, owner)
    signed_now(approved(an_exam(), reader), credential, reader)
    container = owner.pkcs12(PASSPHRASE)
    unlocked = UnlockedCredential.objects.get(credential=credential)
    assert PASSPHRASE.encode() not in bytes(unlocked.sealed_secret)
    assert container[:64] not in bytes(credential.sealed_container)
    told = str(list(AuditEvent.objects.values())) + caplog.text
    assert PASSPHRASE not in told


def test_a_level_that_needs_what_is_not_set_cannot_be_chosen(db: None) -> None:
    administrator = a_reader()
    with pytest.raises(PolicyIncomplete):
        change_policy(Level.B_T, "", True, administrator)
    with pytest.raises(PolicyIncomplete):
        change_policy(Level.B_LT, "http://tsa.example.vn/", True, administrator)


def test_an_expired_key_is_not_taken(services: TrustServices) -> None:
    with pytest.raises(Exception, match="valid from"):
        a_credential(a_reader(), services.authority.issue("BS. Hết Hạn", expired=True))
