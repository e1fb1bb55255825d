"""Letters to people without an account as an outbox: each goes by itself, sealed until it has been handed over."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.utils import timezone

from ris_core.errors import NotFound
from ris_core.letters import sms
from ris_core.letters.entries import Channel, LetterEntry
from ris_core.outbox import smtp
from ris_core.outbox.sending import Outbox
from ris_core.settings import Settings

Entry = TypeVar("Entry", bound=LetterEntry)


@dataclass(frozen=True, slots=True)
class Written:
    """What a letter says: nothing of any patient, since anybody may read the screen it comes up on."""

    text: str
    subject: str
    """Of a mail."""


class Letters(Outbox[Entry]):
    """An outbox of letters. No letter waits for another: a link that cannot be delivered holds up no code."""

    @abstractmethod
    def written(self, entry: Entry, content: bytes, settings: Settings) -> Written:
        """The letter made of its sealed content."""

    def owed(self, channel: str, address: str, content: bytes, sequence: int) -> dict[str, Any]:
        """The columns of a new letter with this content."""
        return {
            "channel": channel,
            "address": address,
            "sealed": content,
            "sequence": sequence,
            "control_id": f"QC{secrets.token_hex(9)}",
            "queued_at": timezone.now(),
        }

    def order(self, entry: Entry) -> Any:
        return self.entries().filter(pk=entry.pk)

    def lane(self, entry: Entry) -> str:
        return f"{self.name}:{entry.pk}"

    def channel(self, entry: Entry) -> str:
        return f"{self.name}:{entry.channel}"

    def compose(self, entry: Entry, now: datetime, settings: Settings) -> bytes:
        return bytes(entry.sealed)

    def exchange(self, entry: Entry, message: bytes, settings: Settings) -> bytes:
        letter = self.written(entry, message, settings)
        if entry.channel == Channel.SMS:
            return sms.send(entry.address, letter.text, entry.control_id, settings)
        return smtp.hand_over(entry.address, _as_mail(letter, entry, settings), settings)

    def locked(self, entry_id: int) -> Entry:
        found = self.entries().select_for_update(of=("self",)).filter(pk=entry_id).first()
        if found is None:
            raise NotFound("there is no such message", field="message")
        return found

    def settled(self, entry: Entry) -> None:
        self.entries().filter(pk=entry.pk).update(sealed=b"", message=b"")


def _as_mail(letter: Written, entry: LetterEntry, settings: Settings) -> bytes:
    """The mail as it goes over the wire; its Message-ID is the same at every attempt."""
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail.sender
    message["To"] = entry.address
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(entry.queued_at)
    message["Message-ID"] = f"<{entry.control_id}@{urlsplit(settings.public_url).hostname or 'quang'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text + "\n")
    return message.as_bytes()
