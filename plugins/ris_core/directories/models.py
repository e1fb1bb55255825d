"""What is remembered of somebody whom a directory has vouched for."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class DirectoryIdentity(models.Model):
    """Whose account is whose in which directory, and the directory's last word on them."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="directory_identity")
    directory = models.CharField(max_length=32)
    """Name of the directory in the settings."""
    subject = models.CharField(max_length=64)
    """objectGUID or entryUUID: stays when the person is renamed or moved."""
    login_name = models.CharField(max_length=64)
    """As the directory has it, in small letters."""
    verifier = models.CharField(max_length=128, blank=True)
    """argon2 hash of the password that the directory took; only where it may stand in during an outage, and no longer
    than it may."""
    verified_at = models.DateTimeField(null=True, blank=True)
    """When the directory took that password: a later look-up confirms the person, not the password."""
    confirmed_at = models.DateTimeField()
    """When the directory last said yes."""
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    """Since when the directory says no; none: it does not. An account that an administrator withdrew has none."""
    overdue_at = models.DateTimeField(null=True, blank=True)
    """When sessions were ended because the directory had not been heard for too long."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["directory", "subject"], name="one_identity_in_directory")]
        indexes = [models.Index(fields=["directory", "confirmed_at"], name="identities_to_confirm")]
