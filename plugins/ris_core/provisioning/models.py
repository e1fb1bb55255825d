"""Which accounts and groups another system keeps here."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ProvisionedAccount(models.Model):
    """An account that another system has made, and keeps; accounts without a row are this site's own."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="provisioned")
    source = models.CharField(max_length=140)
    """``scim:`` with the sender of the API key, ``hl7:`` with that of the messages; none sees another's."""
    user_name = models.CharField(max_length=128, blank=True)
    """As the other system writes it: ``bs.lan@benhvien.vn``."""
    external_id = models.CharField(max_length=255, blank=True)
    wanted = models.BooleanField(default=True)
    """Whether the other system wants the account open."""
    opened = models.BooleanField(default=False)
    """Whether the other system has opened it and not closed it since: one that is closed all the same was closed by an
    administrator or at the login's provider, and nothing of the other system opens it."""
    deleted_at = models.DateTimeField(null=True, blank=True)
    """The other system knows it no more. It is closed; what it did stays somebody's."""
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["source", "external_id"], name="provisioned_by_external_id"),
            models.Index(fields=["source", "user_name"], name="provisioned_by_name"),
        ]


class ProvisionedGroup(models.Model):
    """A group of the other system; the settings say which role it gives, if any."""

    source = models.CharField(max_length=140)
    display_name = models.CharField(max_length=255)
    external_id = models.CharField(max_length=255, blank=True)
    members = models.ManyToManyField(ProvisionedAccount, related_name="groups", blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "display_name"], name="one_group_of_a_name")]
