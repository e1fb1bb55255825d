"""Use cases of signing: ask for one or many, pause, go on, cancel, withdraw. The worker does it (:mod:`.signing`).

A signature is asked for in one transaction with its job. Who has been sent signed files is told of new and withdrawn
ones (:mod:`ris_core.delivery.signed`), others by the events ``report.signed`` and ``report.signature_withdrawn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.delivery.signed import owe_signature_withdrawn
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.jobs.services import enqueue
from ris_core.notifications.rules import Event
from ris_core.notifications.services import announce_event
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.arranging import arrange_in_study
from ris_core.reports.models import ReportRecall, ReportVersion
from ris_core.signatures.credentials import JOB_KIND, channel, is_unlocked, own_credential
from ris_core.signatures.errors import CredentialLocked, NotToBeSigned
from ris_core.signatures.models import Signature, SignedFile, SigningBatch, SigningCredential
from ris_core.signatures.rules import (
    MOST_IN_A_BATCH,
    UNDER_WAY,
    BatchState,
    SignatureState,
    Step,
    next_state,
    refuse_batch_step,
    refuse_out_of_date,
    refuse_unless_signable,
    withdraw_allowed,
)

MAX_ATTEMPTS = 10
"""With the worker's delays about half an hour: longer than a time-stamping authority is away by intent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of asking for many."""

    batch: SigningBatch
    signatures: int
    left_out: int
    """Reports that cannot be signed now: signed already, no longer in force, somebody else's."""


@transaction.atomic
def ask_for_signature(version_id: int, credential_id: int, actor: Actor) -> Signature:
    """Have a report version signed. One that is under way already is returned as it is; one that is signed is signed
    again, and the earlier signature stays in force until the new one is there.

    :raises NotToBeSigned, NotPermitted: see :func:`~ris_core.signatures.rules.refuse_unless_signable`
    :raises CredentialLocked: unlock the key first
    :raises CertificateOutOfDate: the key's certificate is not valid now
    """
    credential = _usable(credential_id, actor)
    return _ask(_locked_version(version_id), credential, actor, None)


@transaction.atomic
def ask_for_many(version_ids: Sequence[int], credential_id: int, actor: Actor) -> Asked:
    """Have many report versions signed as one batch; those that are signed already are left out.

    :raises InvalidValue: none, or more than :data:`~ris_core.signatures.rules.MOST_IN_A_BATCH`
    :raises NotToBeSigned: none of them can be signed
    """
    wanted = list(dict.fromkeys(version_ids))
    if not 1 <= len(wanted) <= MOST_IN_A_BATCH:
        raise InvalidValue(f"choose 1 to {MOST_IN_A_BATCH} reports", field="version")
    credential = _usable(credential_id, actor)
    batch = SigningBatch.objects.create(
        owner_id=credential.owner_id, state=BatchState.RUNNING, started_at=timezone.now()
    )
    made = 0
    for version_id in wanted:
        try:
            version = _locked_version(version_id)
            if version.signatures.filter(state__in=(*UNDER_WAY, SignatureState.SIGNED)).exists():
                continue
            _ask(version, credential, actor, batch)
        except (NotToBeSigned, NotPermitted, NotFound):
            continue
        made += 1
    if not made:
        raise NotToBeSigned("none of these reports can be signed: they are signed, or not yours", field="version")
    record(actor, "signing_batch.started", subject=f"signing_batch:{batch.pk}", count=made)
    announce("signing_batch", batch.pk)
    return Asked(batch, made, len(wanted) - made)


@transaction.atomic
def pause_batch(batch_id: int, actor: Actor) -> SigningBatch:
    """Begin no more of the batch; what is being signed is finished."""
    return _set_batch(batch_id, BatchState.PAUSED, actor)


@transaction.atomic
def resume_batch(batch_id: int, actor: Actor) -> SigningBatch:
    """Go on with a batch that was paused."""
    batch = _set_batch(batch_id, BatchState.RUNNING, actor)
    for signature in batch.signatures.filter(state=SignatureState.QUEUED).select_related("credential"):
        _enqueue(signature)
    finish_batch(batch.pk)
    return batch


@transaction.atomic
def cancel_batch(batch_id: int, actor: Actor) -> SigningBatch:
    """Sign no more of the batch; what is signed stays signed."""
    batch = _set_batch(batch_id, BatchState.CANCELLED, actor)
    for signature in batch.signatures.select_for_update().filter(state=SignatureState.QUEUED).order_by("pk"):
        signature.state = next_state(signature.state, Step.CANCEL)
        signature.save(update_fields=["state"])
        changed(signature, actor, "signature.cancelled")
    return batch


@transaction.atomic
def withdraw(signature_id: int, reason: str, actor: Actor, *, administers: bool = False) -> Signature:
    """Declare a signature void. The files stay, and a check of them says that they were withdrawn.

    :raises InvalidValue: no reason given
    :raises NotPermitted: it is somebody else's
    :raises TransitionRefused: it is not in force
    """
    if not reason.strip():
        raise InvalidValue("say why the signature is withdrawn", field="reason")
    signature = locked_signature(signature_id)
    if actor.user_id is None or not withdraw_allowed(
        signer_id=signature.signer_id, user_id=actor.user_id, administers=administers
    ):
        raise NotPermitted("a signature is withdrawn by its signer or an administrator", field="signer")
    make_void(signature, reason.strip()[:255], actor)
    owe_signature_withdrawn(signature.version)
    announce_event(Event.REPORT_SIGNATURE_WITHDRAWN, signature.version.reading.procedure_id)
    return signature


def make_void(signature: Signature, reason: str, actor: Actor) -> None:
    """A signature that the caller has locked counts no more, and its PDF leaves the study; in the caller's
    transaction."""
    signature.state = next_state(signature.state, Step.WITHDRAW)
    signature.withdrawn_at, signature.withdrawn_reason = timezone.now(), reason
    signature.withdrawn_by_id = actor.user_id
    signature.save(update_fields=["state", "withdrawn_at", "withdrawn_reason", "withdrawn_by"])
    arrange_in_study(signature.version.reading_id)
    changed(signature, actor, "signature.withdrawn", reason=reason)


def signed_files_of(version_id: int) -> QuerySet[SignedFile]:
    """The signed files of a report version that are in force; none when it is not signed, or was withdrawn."""
    return SignedFile.objects.filter(signature__version_id=version_id, signature__state=SignatureState.SIGNED)


def refuse_unsignable(version: ReportVersion, signer_id: int) -> None:
    """See :func:`~ris_core.signatures.rules.refuse_unless_signable`."""
    newest = ReportVersion.objects.filter(reading_id=version.reading_id).order_by("-number").first()
    refuse_unless_signable(
        status=version.status,
        is_newest=newest is not None and newest.pk == version.pk,
        is_recalled=ReportRecall.objects.filter(version=version).exists(),
        approver_id=version.approved_by_id,
        signer_id=signer_id,
    )


def locked_signature(signature_id: int) -> Signature:
    """The signature, locked until the transaction ends; the exam first, as approving does.

    :raises NotFound: there is none
    """
    exams = RequestedProcedure.objects.select_for_update().filter(readings__versions__signatures=signature_id)
    if exams.first() is None:
        raise NotFound("there is no such signature", field="signature")
    return (
        Signature.objects.select_for_update(of=("self",))
        .select_related("credential", "batch", "version__reading__procedure")
        .get(pk=signature_id)
    )


def changed(signature: Signature, actor: Actor, action: str, **details: Any) -> None:
    """Write down what became of a signature and tell live screens, in the caller's transaction."""
    version = signature.version
    procedure = version.reading.procedure
    record(
        actor, action, subject=f"signature:{signature.pk}", patient_id=procedure.patient_id,
        procedure=procedure.pk, version=version.number, **details,
    )  # fmt: skip
    announce("exam", procedure.pk)
    if signature.batch_id is not None:
        announce("signing_batch", signature.batch_id)


def finish_batch(batch_id: int | None) -> None:
    """The batch is done when nothing of it waits or runs; in the caller's transaction."""
    if batch_id is None:
        return
    batch = SigningBatch.objects.select_for_update().get(pk=batch_id)
    if batch.state == BatchState.RUNNING and not batch.signatures.filter(state__in=UNDER_WAY).exists():
        batch.state, batch.finished_at = BatchState.DONE, timezone.now()
        batch.save(update_fields=["state", "finished_at"])
    announce("signing_batch", batch.pk)


def _locked_version(version_id: int) -> ReportVersion:
    exam = RequestedProcedure.objects.select_for_update().filter(readings__versions=version_id).first()
    if exam is None:
        raise NotFound("there is no such report version", field="version")
    return ReportVersion.objects.select_related("reading__procedure").get(pk=version_id)


def _ask(version: ReportVersion, credential: SigningCredential, actor: Actor, batch: SigningBatch | None) -> Signature:
    refuse_unsignable(version, credential.owner_id)
    under_way = version.signatures.filter(state__in=UNDER_WAY).first()
    if under_way is not None:
        return under_way
    signature = Signature.objects.create(
        version=version,
        credential=credential,
        signer_id=credential.owner_id,
        batch=batch,
        state=SignatureState.QUEUED,
        asked_at=timezone.now(),
    )
    _enqueue(signature)
    changed(signature, actor, "signature.asked", batch=batch.pk if batch else None)
    return signature


def _enqueue(signature: Signature) -> None:
    enqueue(JOB_KIND, signature.pk, channel=channel(signature.credential), max_attempts=MAX_ATTEMPTS)


def _usable(credential_id: int, actor: Actor) -> SigningCredential:
    credential = own_credential(credential_id, actor)
    refuse_out_of_date(credential.not_before, credential.not_after, timezone.now())
    if not is_unlocked(credential):
        raise CredentialLocked("unlock the key first", field="credential")
    return credential


def _set_batch(batch_id: int, state: BatchState, actor: Actor) -> SigningBatch:
    batch = SigningBatch.objects.select_for_update().filter(pk=batch_id, owner_id=actor.user_id).first()
    if batch is None:
        raise NotFound("there is no such batch of yours", field="batch")
    refuse_batch_step(batch.state, state)
    batch.state = state
    if state is BatchState.CANCELLED:
        batch.finished_at = timezone.now()
    batch.save(update_fields=["state", "finished_at"])
    record(actor, f"signing_batch.{state.lower()}", subject=f"signing_batch:{batch.pk}")
    announce("signing_batch", batch.pk)
    return batch
