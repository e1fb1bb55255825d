"""What access must remember: only the nonces of launches, so that none works twice."""

from __future__ import annotations

from django.db import models


class UsedLaunchNonce(models.Model):
    """A launch that has been accepted; kept until it would have expired anyway."""

    receiver = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["receiver", "nonce"], name="launch_nonce_used_once")]
