"""Links and codes on their way to the receiver, as an outbox: what is owed is sealed until it has been handed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec
from django.conf import settings as django_settings
from django.db.models import Max, QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.letters.entries import Channel
from ris_core.letters.numbers import phone_number
from ris_core.letters.sending import Letters, Written
from ris_core.settings import Settings
from ris_core.sharing import letters
from ris_core.sharing.models import Share, ShareMessage
from ris_core.sharing.rules import channel_of

JOB_KIND: Final = "tell_share"


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
    columns = SHARE_MESSAGES.owed(channel, address, msgspec.json.encode(letter), last + 1)
    message = ShareMessage.objects.create(share=share, **columns)
    SHARE_MESSAGES.enqueue(message)
    return message


class ShareMessages(Letters[ShareMessage]):
    """Links and codes of shares."""

    name: ClassVar = "share_message"
    job_kind: ClassVar = JOB_KIND

    def entries(self) -> QuerySet[ShareMessage]:
        return ShareMessage.objects.select_related("share")

    def receiver_is_active(self, entry: ShareMessage) -> bool:
        return entry.share.revoked_at is None

    def written(self, entry: ShareMessage, content: bytes, settings: Settings) -> Written:
        letter = msgspec.json.decode(content, type=Letter)
        site, until = settings.site, timezone.localtime(entry.share.expires_at)
        text = (
            letters.code_text(letter.code, site)
            if letter.code
            else letters.link_text(letter.link, until, entry.share.lock, site)
        )
        return Written(text, letters.subject(site, is_code=bool(letter.code)))

    def facts(self, entry: ShareMessage) -> dict[str, Any]:
        return {"share": entry.share_id, "channel": entry.channel}


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
