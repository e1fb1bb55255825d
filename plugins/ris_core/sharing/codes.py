"""One-time codes: sent to the telephone or mailbox that whoever shares has named."""

from __future__ import annotations

from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.letters.codes import CODES_AT_ONCE, CODES_WITHIN, new_code
from ris_core.sharing.models import Share, ShareCode
from ris_core.sharing.secrets import code_digest
from ris_core.sharing.telling import Letter, write_to


def send_code(share: Share, actor: Actor) -> bool:
    """Send a code to the share's receiver, in the caller's transaction; False: too many have been sent lately."""
    now = timezone.now()
    if share.codes.filter(sent_at__gt=now - CODES_WITHIN).count() >= CODES_AT_ONCE:
        return False
    code = new_code()
    ShareCode.objects.create(share=share, digest=code_digest(share.pk, code), sent_at=now)
    write_to(share, share.code_channel, share.code_address, Letter(code=code))
    record(actor, "share.code_sent", subject=f"share:{share.pk}", channel=share.code_channel)
    return True
