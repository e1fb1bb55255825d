"""The worker's part: a report version is signed, once however often its worker dies.

The signature's state is set to SIGNING before, and to SIGNED with the files in one transaction after; a worker that
dies in between leaves nothing behind but the state, and whoever takes the job again begins anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.delivery.signed import owe_signed
from ris_core.errors import QuangError
from ris_core.jobs.services import enqueue, is_under_way
from ris_core.key_images.versions import images_of
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import ReportVersion
from ris_core.settings import Settings
from ris_core.signatures.appearance import Appearance
from ris_core.signatures.binding import Binding, KeyImage
from ris_core.signatures.certificates import CertificateFacts, common_name
from ris_core.signatures.credentials import JOB_KIND, channel, lock_after_refusal, place_of, secret_of
from ris_core.signatures.errors import (
    CredentialLocked,
    CredentialUnusable,
    NotToBeSigned,
    SecretRefused,
    SigningServiceUnavailable,
    TrustServiceUnavailable,
)
from ris_core.signatures.gathering import binding_of, signed_result_of
from ris_core.signatures.keeping import STORE_ATTEMPTS, STORE_JOB
from ris_core.signatures.models import Signature, SignedFile
from ris_core.signatures.pades import sign_pdf
from ris_core.signatures.policy import present_policy, signing_terms
from ris_core.signatures.rules import (
    BatchState,
    FileKind,
    SignatureState,
    Step,
    next_state,
    refuse_out_of_date,
)
from ris_core.signatures.services import changed, finish_batch, locked_signature, make_void, refuse_unsignable
from ris_core.signatures.signers import certificate_of, open_signer
from ris_core.signatures.structured import write_result
from ris_core.signatures.xades import sign_xml

WORKER = Actor("worker")
SIGNED_AGAIN = "signed again"


@dataclass(frozen=True, slots=True)
class Made:
    """What signing has made."""

    pdf: bytes
    xml: bytes
    document_id: int
    level: str
    subject: str
    serial: str
    binding: Binding


def run_sign_report(subject_id: str) -> None:
    """The job ``sign_report``.

    :raises QuangError: a service does not answer; the job is tried again
    """
    signature = _begin(int(subject_id))
    if signature is None:
        return
    try:
        made = _make(signature)
    except CredentialLocked as error:
        _put_back(signature.pk, error)  # unlocking the key has the job run again
    except (TrustServiceUnavailable, SigningServiceUnavailable) as error:
        _put_back(signature.pk, error)
        raise
    except SecretRefused as error:
        lock_after_refusal(signature.credential, WORKER)
        _fail(signature.pk, error.code, error.detail)
    except QuangError as error:
        _fail(signature.pk, error.code, error.detail)
    else:
        _finish(signature.pk, made)


def after_sign_died(subject_id: str, error: str) -> None:
    """Nobody answered for too long, or the worker died each time: the signature has failed, for a person to see."""
    code, _, detail = error.partition(" ")
    known = code.startswith("QUANG-")
    _fail(int(subject_id), code if known else "QUANG-5510", detail if known else "the report could not be signed")


@transaction.atomic
def _begin(signature_id: int) -> Signature | None:
    """The signature to make now; none when it is done, cancelled or paused, or its document is still being made."""
    signature = locked_signature(signature_id)
    if signature.state not in (SignatureState.QUEUED, SignatureState.SIGNING):
        return None
    if signature.batch is not None and signature.batch.state == BatchState.PAUSED:
        if signature.state == SignatureState.SIGNING:  # its worker died, and meanwhile somebody paused
            _set(signature, Step.PUT_BACK)
        return None
    if not signature.version.documents.exists() and is_under_way("render_document", signature.version_id):
        again = timezone.now() + timedelta(seconds=1)
        enqueue(JOB_KIND, signature.pk, channel=channel(signature.credential), run_at=again)
        return None
    _set(signature, Step.BEGIN)
    return signature


def _make(signature: Signature) -> Made:
    settings: Settings = django_settings.QUANG
    credential = signature.credential
    if credential.removed_at is not None:
        raise CredentialUnusable("the key was taken out of use: sign with another one", field="credential")
    refuse_out_of_date(credential.not_before, credential.not_after, timezone.now())
    version = ReportVersion.objects.select_related(
        "reading__procedure__request", "reading__procedure__patient", "approved_by"
    ).get(pk=signature.version_id)
    refuse_unsignable(version, signature.signer_id)
    secret = secret_of(credential)
    document = ensure_document(version.pk)
    images = tuple(KeyImage(image.sop_instance_uid, image.frame, image.sha256) for image in images_of(version.pk))
    binding = binding_of(version, document, images)
    statement = write_result(signed_result_of(version, binding, settings.site.name))
    now = timezone.now().astimezone(ZoneInfo(settings.site.time_zone))
    terms = signing_terms(settings)
    with open_signer(place_of(credential), secret, settings) as signer:
        certificate = certificate_of(signer)
        facts = CertificateFacts.of(certificate)
        look = Appearance(
            language=settings.site.language,
            signer=facts.common_name,
            issuer=common_name(certificate.issuer),
            serial=facts.serial,
            at=now,
        )
        pdf = sign_pdf(
            bytes(document.content), statement, signer, terms,
            reason=_reason(version), location=settings.site.name, at=now,
            appearance=look if present_policy().visible else None,
        )  # fmt: skip
        xml = sign_xml(statement, signer)
    return Made(pdf, xml, document.pk, terms.level, facts.subject, facts.serial, binding)


def _reason(version: ReportVersion) -> str:
    return f"Kết quả chẩn đoán hình ảnh, bản {version.number}"


@transaction.atomic
def _finish(signature_id: int, made: Made) -> None:
    """Keep the files, and let an earlier signature of the version go."""
    signature = locked_signature(signature_id)
    if signature.state != SignatureState.SIGNING:
        return  # somebody else was faster with the same job
    try:
        refuse_unsignable(signature.version, signature.signer_id)
    except NotToBeSigned as error:  # recalled or corrected while it was being signed
        _fail(signature_id, error.code, error.detail)
        return
    earlier = Signature.objects.select_for_update(of=("self",)).select_related("version__reading__procedure", "batch")
    for old in earlier.filter(version_id=signature.version_id, state=SignatureState.SIGNED):
        make_void(old, SIGNED_AGAIN, WORKER)
    signature.document_id, signature.level = made.document_id, made.level
    signature.subject, signature.serial = made.subject, made.serial
    signature.bound, signature.signed_at = made.binding.as_json(), timezone.now()
    signature.problem_code = signature.problem = ""
    signature.state = next_state(signature.state, Step.FINISH)
    signature.save()
    for kind, content in ((FileKind.PDF, made.pdf), (FileKind.XML, made.xml)):
        file = SignedFile.objects.create(
            signature=signature, kind=kind, content=content, sha256=hashlib.sha256(content).hexdigest()
        )
        if kind is FileKind.PDF:
            enqueue(STORE_JOB, file.pk, max_attempts=STORE_ATTEMPTS)
    changed(
        signature, WORKER, "signature.signed",
        level=made.level, serial=made.serial, text_sha256=made.binding.text_sha256,
    )  # fmt: skip
    finish_batch(signature.batch_id)
    owe_signed(signature.version)
    announce_event(Event.REPORT_SIGNED, signature.version.reading.procedure_id)


@transaction.atomic
def _put_back(signature_id: int, why: QuangError) -> None:
    signature = locked_signature(signature_id)
    if signature.state == SignatureState.SIGNING:
        signature.problem_code, signature.problem = why.code, why.detail[:500]
        _set(signature, Step.PUT_BACK)
        changed(signature, WORKER, "signature.waits", code=why.code)


@transaction.atomic
def _fail(signature_id: int, code: str, detail: str) -> None:
    signature = locked_signature(signature_id)
    if signature.state in (SignatureState.QUEUED, SignatureState.SIGNING):
        signature.problem_code, signature.problem = code[:16], detail[:500]
        _set(signature, Step.FAIL)
        changed(signature, WORKER, "signature.failed", code=code[:16])
        finish_batch(signature.batch_id)


def _set(signature: Signature, step: Step) -> None:
    signature.state = next_state(signature.state, step)
    signature.save(update_fields=["state", "problem_code", "problem"])
