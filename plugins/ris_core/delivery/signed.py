"""Digitally signed results on their way out: who takes nothing else, and the files that go (R7, R16)."""

from __future__ import annotations

from ris_core.delivery.models import Delivery
from ris_core.reports.models import VersionStatus
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import FileKind, SignatureState


def waits_for_signature(delivery: Delivery) -> bool:
    """Whether a receiver that takes signed results only cannot be sent this one yet; preliminary ones never are."""
    wanted = delivery.receiver.signed_only and delivery.kind == Delivery.Kind.RESULT
    return wanted and delivery.version.status != VersionStatus.PRELIMINARY and signed_file(delivery.version_id) is None


def signed_file(version_id: int, kind: FileKind = FileKind.PDF) -> bytes | None:
    """The signed file of a version whose signature is in force; none when there is none."""
    found = SignedFile.objects.filter(
        signature__version_id=version_id, signature__state=SignatureState.SIGNED, kind=kind
    ).first()
    return bytes(found.content) if found else None
