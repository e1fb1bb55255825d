"""The hanging rules in force and their next version."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import EditConflict
from ris_core.hanging.models import HangingVersion
from ris_core.hanging.rules import HangingRules, rules_from_json

USUAL_FILE: Final = Path(__file__).with_name("usual.json")
"""What is in force until a hospital has rules of its own."""


@functools.lru_cache(maxsize=1)
def usual_rules() -> HangingRules:
    """Those that come with the product."""
    return rules_from_json(msgspec.json.decode(USUAL_FILE.read_bytes()))


def rules_in_force() -> HangingRules:
    """The newest version; the usual ones without one."""
    newest = HangingVersion.objects.order_by("-number").values_list("content", flat=True).first()
    return usual_rules() if newest is None else rules_from_json(newest)


def rules_number() -> int:
    """The number of the version in force; 0: the usual ones."""
    return HangingVersion.objects.order_by("-number").values_list("number", flat=True).first() or 0


@transaction.atomic
def change_rules(rules: HangingRules, *, over: int, note: str, actor: Actor) -> HangingVersion:
    """Put ``rules`` in force for viewers that are opened from now on, as a new version.

    :param over: the version that they were made from; a newer one in between is not overwritten unseen
    :raises EditConflict: there is a newer version
    """
    if rules_number() != over:
        raise EditConflict("somebody has changed the hanging rules meanwhile; look at them again", field="over")
    version, made = HangingVersion.objects.get_or_create(
        number=over + 1,
        defaults={
            "content": msgspec.to_builtins(rules),
            "note": note.strip()[:255],
            "made_at": timezone.now(),
            "made_by_id": actor.user_id,
        },
    )
    if not made:  # in this very moment
        raise EditConflict("somebody has changed the hanging rules meanwhile; look at them again", field="over")
    record(actor, "hanging.changed", subject=f"hanging:{version.number}", protocols=len(rules.protocols))
    return version
