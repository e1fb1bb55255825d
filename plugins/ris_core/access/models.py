"""What access must remember: nonces of launches, so that none works twice, the keys of other systems' programs, and
which logins and other grants have ended."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class UsedLaunchNonce(models.Model):
    """A launch that has been accepted; kept until it would have expired anyway."""

    receiver = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["receiver", "nonce"], name="launch_nonce_used_once")]


class ApiKey(models.Model):
    """With which a program of another system calls the REST and FHIR interfaces; the key itself is not kept."""

    name = models.CharField(max_length=128)
    """What people call the program: ``HIS production``."""
    prefix = models.CharField(max_length=12, unique=True)
    """The beginning of the key, by which people and the audit trail tell keys apart."""
    digest = models.CharField(max_length=64)
    """SHA-256 of the whole key, which has 256 random bits: it needs no salt and no slow hash."""
    sender = models.CharField(max_length=128)
    """In whose name it orders: the same ``application|facility`` as in MSH-3 and MSH-4 of that system's messages."""
    scopes = models.JSONField(default=list)
    networks = models.JSONField(default=list)
    """Addresses from which it may be used, in CIDR form; empty: from anywhere."""
    sees_all_senders = models.BooleanField(default=False)
    """Whether it reads the orders of other senders too (an EMR does; a HIS sees its own)."""
    limits = models.JSONField(default=dict)
    """Only exams of these departments, modalities, rooms, physicians, as accounts are limited
    (:class:`ris_core.sight.models.SightLimit`), and their patients; empty: not limited."""
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_address = models.CharField(max_length=64, blank=True)


class UserSession(models.Model):
    """A login. Viewer tokens made in it work as long as somebody may act in it, and no longer."""

    key = models.CharField(max_length=32, unique=True)
    """Random, named in viewer tokens; it is not the session's cookie and opens nothing."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    began_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField()
    """To the minute."""
    ended_at = models.DateTimeField(null=True, blank=True)
    """Logged out then."""
    sessions_ended = models.PositiveIntegerField()
    """The user's when it began: another one now means that all sessions were ended since."""
    password_changed_at = models.DateTimeField(null=True, blank=True)
    """The user's when it began, or when they changed the password in it."""
    session_key = models.CharField(max_length=40, blank=True)
    """The web app's session, so that its owner can end it from elsewhere; it stands in the table of sessions too."""
    address = models.CharField(max_length=64, blank=True)
    """Where it began."""
    browser = models.CharField(max_length=255, blank=True)
    """User-Agent as it came, for its owner to recognise."""


class EndedGrant(models.Model):
    """A grant whose tokens are refused from now on; kept until none of them can live."""

    grant = models.CharField(max_length=80, unique=True)
    ended_at = models.DateTimeField(db_index=True)
