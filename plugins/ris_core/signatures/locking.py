"""Keys are locked when their owner leaves, or is made to. Apart from the rest of signing, because accounts are closed
inside Orthanc too, where none of signing's libraries are."""

from __future__ import annotations

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.signatures.models import SigningCredential, UnlockedCredential


@transaction.atomic
def lock_all_of(user_id: int, actor: Actor, why: str = "logged out") -> None:
    """Lock all keys of somebody who leaves, or is made to."""
    for credential in SigningCredential.objects.filter(owner_id=user_id, unlocked__isnull=False):
        forget_secret(credential, actor, why)


def forget_secret(credential: SigningCredential, actor: Actor, why: str) -> None:
    """Lock one key; what is locked already stays so, without an audit event."""
    deleted, _ = UnlockedCredential.objects.filter(credential=credential).delete()
    if deleted:
        record(actor, "signing_credential.locked", subject=f"signing_credential:{credential.pk}", why=why)
