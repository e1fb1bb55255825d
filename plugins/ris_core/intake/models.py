"""Who sends HL7 messages, and the profiles by which they are read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ris_core.errors import TransitionRefused


class SenderProfile(models.Model):
    """A way of filling messages that one or several senders share; its newest version is in force."""

    code = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True)


class ProfileVersion(models.Model):
    """What a profile said from one moment on; never changed, so that it can be told how a message was read."""

    profile = models.ForeignKey(SenderProfile, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    """As :func:`ris_core.intake.profile.profile_to` has it."""
    comment = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "number"], name="profile_version_unique")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """
        :raises TransitionRefused: for one that is stored
        """
        if self.pk is not None:
            raise TransitionRefused("a version of a profile is never changed: save a new one", field="version")
        super().save(*args, **kwargs)


class Sender(models.Model):
    """A system that may send messages, by what it calls itself in MSH-3 and MSH-4."""

    identity = models.CharField(max_length=128, unique=True)
    """``MSH-3|MSH-4``."""
    name = models.CharField(max_length=128)
    active = models.BooleanField(default=True)
    networks = models.JSONField(default=list)
    """Addresses and networks (``10.1.2.0/24``) it may send from; none: any."""
    certificate = models.CharField(max_length=255, blank=True)
    """The TLS client certificate it must show: SHA-256 fingerprint, or subject (``CN=his,O=BV``); empty: none."""
    charset = models.CharField(max_length=32, blank=True)
    """Python's name of the character set it really sends, whatever MSH-18 says; empty: what MSH-18 says."""
    may_query = models.BooleanField(default=False)
    """Whether it may ask for orders and patients (OSQ, QRY, QBP) and so be told names and birth dates; its profile may
    allow it too."""
    profile = models.ForeignKey(SenderProfile, null=True, blank=True, on_delete=models.PROTECT, related_name="senders")
    """None: the default profile."""
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
