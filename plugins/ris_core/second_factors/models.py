"""What proves, beside the password, that somebody is who they say."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class OneTimePassword(models.Model):
    """Somebody's authenticator app."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="one_time_password")
    sealed_secret = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    """When its owner proved that the app has the secret; none: it does not count yet."""
    last_step = models.BigIntegerField(default=0)
    """Of the code that was taken last: no code is taken twice."""
    failures = models.PositiveSmallIntegerField(default=0)
    """Wrong codes since the last right one."""
    failed_at = models.DateTimeField(null=True, blank=True)


class SecurityKey(models.Model):
    """A security key or passkey (WebAuthn); somebody may have several."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="security_keys")
    name = models.CharField(max_length=64)
    """As its owner calls it."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the credential's identifier."""
    credential = models.BinaryField()
    """Attested credential data (WebAuthn §6.5.1): identifier and public key."""
    uses = models.BigIntegerField(default=0)
    """The key's own counter at its last use; 0: it does not count."""
    added_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, blank=True)


class RecoveryCode(models.Model):
    """For the day on which the app is lost; each works once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]
