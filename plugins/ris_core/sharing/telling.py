"""Links and codes on their way to the receiver, as an outbox: what is owed is sealed until it has been handed over."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from django.conf import settings as django_settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import NotFound
from ris_core.outbox import smtp
from ris_core.outbox.sending import Outbox
from ris_core.settings import Settings
from ris_core.sharing import letters, sms
from ris_core.sharing.models import Channel, Share, ShareMessage
from ris_core.sharing.rules import channel_of, phone_number
from ris_core.signatures.sealing import opened, seal

JOB_KIND: Final = "tell_share"
_PURPOSE: Final = "share message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is written to a receiver: a link, or a code."""

    link: str = ""
    code: str = ""


def send_link(share: Share, address: str, link: str, actor: Actor) -> ShareMessage:
    """Owe the receiver the link, in the caller's transaction.

    :raises ShareInvalid: field ``send_to``: neither an e-mail address nor a telephone number
    """
    channel = channel_of(address, field="send_to")
    message = write_to(
        share, channel, address if channel == Channel.EMAIL else phone_number(address), Letter(link=link)
    )
    record(actor, "share.sent", subject=f"share:{share.pk}", channel=channel)
    return message


def write_to(share: Share, channel: str, address: str, letter: Letter) -> ShareMessage:
    """Owe one letter."""
    last = share.messages.aggregate(last=Max("sequence"))["last"] or 0
    message = ShareMessage.objects.create(
        share=share,
        channel=channel,
        address=address,
        sealed=seal(msgspec.json.encode(letter), _PURPOSE),
        sequence=last + 1,
        control_id=f"QC{secrets.token_hex(9)}",
        queued_at=timezone.now(),
    )
    SHARE_MESSAGES.enqueue(message)
    return message


class ShareMessages(Outbox[ShareMessage]):
    """Each letter goes by itself: a link that cannot be delivered holds up no code."""

    name: ClassVar = "share_message"
    job_kind: ClassVar = JOB_KIND

    def entries(self) -> QuerySet[ShareMessage]:
        return ShareMessage.objects.select_related("share")

    def order(self, entry: ShareMessage) -> QuerySet[ShareMessage]:
        return ShareMessage.objects.filter(pk=entry.pk)

    def lane(self, entry: ShareMessage) -> str:
        return f"share_message:{entry.pk}"

    def channel(self, entry: ShareMessage) -> str:
        return f"share_message:{entry.channel}"

    def receiver_is_active(self, entry: ShareMessage) -> bool:
        return entry.share.revoked_at is None

    def compose(self, entry: ShareMessage, now: datetime, settings: Settings) -> bytes:
        return bytes(entry.sealed)

    def exchange(self, entry: ShareMessage, message: bytes, settings: Settings) -> bytes:
        letter = msgspec.json.decode(opened(message, _PURPOSE), type=Letter)
        site, until = settings.site, timezone.localtime(entry.share.expires_at)
        text = (
            letters.code_text(letter.code, site)
            if letter.code
            else letters.link_text(letter.link, until, entry.share.lock, site)
        )
        if entry.channel == Channel.SMS:
            return sms.send(entry.address, text, entry.control_id, settings)
        sent = letters.as_mail(
            text, entry.address, entry.control_id, entry.queued_at, settings, is_code=bool(letter.code)
        )
        return smtp.hand_over(entry.address, sent, settings)

    def locked(self, entry_id: int) -> ShareMessage:
        found = ShareMessage.objects.select_for_update(of=("self",)).filter(pk=entry_id).first()
        if found is None:
            raise NotFound("there is no such message", field="message")
        return found

    def facts(self, entry: ShareMessage) -> dict[str, Any]:
        return {"share": entry.share_id, "channel": entry.channel}

    def settled(self, entry: ShareMessage) -> None:
        ShareMessage.objects.filter(pk=entry.pk).update(sealed=b"", message=b"")


SHARE_MESSAGES = ShareMessages()


def run_tell_share(subject_id: str) -> None:
    """The job ``tell_share``."""
    SHARE_MESSAGES.attempt(int(subject_id))


def after_tell_share_died(subject_id: str, error: str) -> None:
    """See :meth:`Outbox.job_died`."""
    SHARE_MESSAGES.job_died(int(subject_id), error)


def link_of(secret: str) -> str:
    """The address with the secret behind ``#``, which browsers send to nobody."""
    return f"{django_settings.QUANG.public_url}/share/#{secret}"
