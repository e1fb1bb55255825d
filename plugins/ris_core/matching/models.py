"""The policy of linking in its versions, and what persons have ruled out."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.versions_in_force import VersionInForce


class PolicyVersion(VersionInForce):
    """One version of the policy (:class:`ris_core.matching.policy.Policy`); the newest is in force, none is changed."""


class RejectedCandidate(models.Model):
    """A person has said that a study is not of this order: it is neither linked to it by rule nor suggested again."""

    study = models.ForeignKey("studies.Study", on_delete=models.PROTECT, related_name="rejected_candidates")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    rejected_at = models.DateTimeField()
    rejected_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    """When the person took it back."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "procedure"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="candidate_rejected_once",
            ),
        ]
