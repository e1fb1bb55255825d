"""The columns of a letter to somebody without an account: to which telephone or mailbox, and what, sealed."""

from __future__ import annotations

from django.db import models

from ris_core.outbox.entries import OutboxEntry
from ris_core.sealing.fields import SealedBinaryField, SealedTextField


class Channel(models.TextChoices):
    """How somebody is written to."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class LetterEntry(OutboxEntry):
    """One letter on its way. What it says is sealed, and gone once it has been handed over."""

    channel = models.CharField(max_length=8, choices=Channel)
    address = SealedTextField()
    sealed = SealedBinaryField(default=b"")

    class Meta:
        abstract = True
