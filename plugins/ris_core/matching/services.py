"""The policy in force, and its next version."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import EditConflict
from ris_core.matching.models import PolicyVersion
from ris_core.matching.policy import DEFAULT_POLICY, Policy, policy_from_json


def policy_in_force() -> Policy:
    """The newest version; the one that comes with the program when there is none."""
    newest = PolicyVersion.objects.order_by("-number").values_list("content", flat=True).first()
    return DEFAULT_POLICY if newest is None else policy_from_json(newest)


def policy_number() -> int:
    """The number of the version in force; 0: the one that comes with the program."""
    return PolicyVersion.objects.order_by("-number").values_list("number", flat=True).first() or 0


@transaction.atomic
def change_policy(policy: Policy, *, over: int, note: str, actor: Actor) -> PolicyVersion:
    """Put ``policy`` in force as a new version.

    :param over: the version that it was made from; a newer one in between is not overwritten unseen
    :raises EditConflict: there is a newer version
    """
    changed_meanwhile = EditConflict("somebody has changed the policy meanwhile; look at it again", field="over")
    if policy_number() != over:
        raise changed_meanwhile
    version, made = PolicyVersion.objects.get_or_create(
        number=over + 1,
        defaults={
            "content": policy.as_json(),
            "note": note.strip()[:255],
            "made_at": timezone.now(),
            "made_by_id": actor.user_id,
        },
    )
    if not made:  # in this very moment: the other one was stored after we had looked
        raise changed_meanwhile
    record(actor, "matching.policy_changed", subject=f"policy:{version.number}")
    return version
