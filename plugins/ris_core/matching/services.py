"""The policy in force, and its next version."""

from __future__ import annotations

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.matching.models import PolicyVersion
from ris_core.matching.policy import DEFAULT_POLICY, Policy, policy_from_json


def policy_in_force() -> Policy:
    """The newest version; the one that comes with the program when there is none."""
    newest = PolicyVersion.newest_content()
    return DEFAULT_POLICY if newest is None else policy_from_json(newest)


def policy_number() -> int:
    """The number of the version in force; 0: the one that comes with the program."""
    return PolicyVersion.newest_number()


@transaction.atomic
def change_policy(policy: Policy, *, over: int, note: str, actor: Actor) -> PolicyVersion:
    """Put ``policy`` in force as a new version.

    :param over: the version that it was made from; a newer one in between is not overwritten unseen
    :raises EditConflict: there is a newer version
    """
    version = PolicyVersion.put_in_force(policy.as_json(), over=over, note=note, actor=actor)
    record(actor, "matching.policy_changed", subject=f"policy:{version.number}")
    return version
