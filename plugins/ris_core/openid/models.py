"""Which logins came from an OpenID provider, and which of its logouts were taken."""

from __future__ import annotations

from django.db import models


class ProviderLogin(models.Model):
    """A login that a provider has vouched for; so that the provider can end it."""

    session = models.OneToOneField("access.UserSession", on_delete=models.CASCADE, related_name="provider_login")
    provider = models.CharField(max_length=32)
    """Its name in the settings."""
    subject = models.CharField(max_length=64)
    """Digest of issuer and ``sub``."""
    sid = models.CharField(max_length=64, blank=True)
    """Digest of issuer and ``sid``, the login at the provider; empty: it named none."""

    class Meta:
        indexes = [
            models.Index(fields=["provider", "subject"], name="provider_logins_of_person"),
            models.Index(fields=["provider", "sid"], name="provider_logins_of_login"),
        ]


class ProviderLogout(models.Model):
    """A logout token that was taken: it is not taken again, and a login that was under way meanwhile is refused."""

    provider = models.CharField(max_length=32)
    token = models.CharField(max_length=64)
    """Digest of issuer and ``jti``."""
    subject = models.CharField(max_length=64, blank=True)
    sid = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "token"], name="logout_token_used_once")]
