"""What may be signed by whom, and what may happen to a signature; decided without database, clock or network."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from ris_core.errors import NotPermitted, TransitionRefused
from ris_core.signatures.errors import CertificateOutOfDate, NotToBeSigned

MOST_IN_A_BATCH = 200
"""Reports that can be asked for at once."""


class Level(StrEnum):
    """Baseline levels of PAdES (ETSI EN 319 142-1)."""

    B_B = "B-B"
    """The signature alone."""
    B_T = "B-T"
    """With a time stamp of the signature."""
    B_LT = "B-LT"
    """With the certificates and revocation answers that a later check needs."""
    B_LTA = "B-LTA"
    """With a time stamp over all of that, which can be renewed."""


NEEDS_TIME_STAMP = frozenset({Level.B_T, Level.B_LT, Level.B_LTA})
NEEDS_TRUST_ROOTS = frozenset({Level.B_LT, Level.B_LTA})


class CredentialKind(StrEnum):
    """Where a signer's key lies."""

    PKCS12 = "PKCS12"
    PKCS11 = "PKCS11"
    REMOTE = "REMOTE"
    """A signing service reached by the API of the Cloud Signature Consortium."""


class FileKind(StrEnum):
    """Forms of a signed result."""

    PDF = "PDF"
    XML = "XML"


class BatchState(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"
    DONE = "DONE"


class SignatureState(StrEnum):
    QUEUED = "QUEUED"
    SIGNING = "SIGNING"
    SIGNED = "SIGNED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    WITHDRAWN = "WITHDRAWN"


class Step(StrEnum):
    """What happens to a signature."""

    BEGIN = "begin"
    PUT_BACK = "put_back"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    WITHDRAW = "withdraw"


TRANSITIONS: tuple[tuple[SignatureState, Step, SignatureState], ...] = (
    (SignatureState.QUEUED, Step.BEGIN, SignatureState.SIGNING),
    (SignatureState.SIGNING, Step.BEGIN, SignatureState.SIGNING),
    (SignatureState.SIGNING, Step.PUT_BACK, SignatureState.QUEUED),
    (SignatureState.SIGNING, Step.FINISH, SignatureState.SIGNED),
    (SignatureState.SIGNING, Step.FAIL, SignatureState.FAILED),
    (SignatureState.QUEUED, Step.FAIL, SignatureState.FAILED),
    (SignatureState.QUEUED, Step.CANCEL, SignatureState.CANCELLED),
    (SignatureState.SIGNED, Step.WITHDRAW, SignatureState.WITHDRAWN),
)
"""(state, step, next state): whatever is not here is refused. ``SIGNING`` begins again when its worker has died."""

_NEXT = {(state, step): following for state, step, following in TRANSITIONS}

UNDER_WAY = (SignatureState.QUEUED, SignatureState.SIGNING)

_BATCH_STEPS = {
    ("RUNNING", "PAUSED"),
    ("PAUSED", "RUNNING"),
    ("RUNNING", "CANCELLED"),
    ("PAUSED", "CANCELLED"),
}


def next_state(state: str, step: Step) -> SignatureState:
    """:raises TransitionRefused: the table has no such transition"""
    try:
        return _NEXT[SignatureState(state), step]
    except KeyError:
        raise TransitionRefused(f"a signature in state {state} cannot {step}", field="state") from None


def refuse_batch_step(state: str, wanted: BatchState) -> None:
    """:raises TransitionRefused: a batch in ``state`` cannot become ``wanted``"""
    if (state, wanted.value) not in _BATCH_STEPS:
        raise TransitionRefused(f"a batch that is {state} cannot become {wanted}", field="state")


def refuse_unless_signable(
    *, status: str, is_newest: bool, is_recalled: bool, approver_id: int, signer_id: int
) -> None:
    """Only final words are signed, only those in force, and only by the person who approved them.

    :raises NotToBeSigned: the version is preliminary, a newer one has taken its place, or it was recalled
    :raises NotPermitted: somebody else approved it
    """
    if status == "P":
        raise NotToBeSigned("a preliminary report is not signed: approve it as final first", field="status")
    if not is_newest:
        raise NotToBeSigned("a newer version of this report is in force: sign that one", field="version")
    if is_recalled:
        raise NotToBeSigned("this report was recalled: correct it, and sign the corrected one", field="version")
    if approver_id != signer_id:
        raise NotPermitted("a report is signed by the person who approved it", field="signer")


def refuse_out_of_date(not_before: datetime, not_after: datetime, now: datetime) -> None:
    """:raises CertificateOutOfDate: the certificate is not valid yet, or no more"""
    if not not_before <= now <= not_after:
        raise CertificateOutOfDate(
            f"the certificate is valid from {not_before:%Y-%m-%d} to {not_after:%Y-%m-%d}: use another one",
            field="certificate",
        )


def withdraw_allowed(*, signer_id: int, user_id: int, administers: bool) -> bool:
    """A signature is withdrawn by its signer, or by an administrator when the signer cannot."""
    return administers or signer_id == user_id
