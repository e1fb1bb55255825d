"""The hanging rules in force and their next version."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import msgspec
from django.db import transaction

from ris_core.audit.services import Actor, record
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
    newest = HangingVersion.newest_content()
    return usual_rules() if newest is None else rules_from_json(newest)


def rules_number() -> int:
    """The number of the version in force; 0: the usual ones."""
    return HangingVersion.newest_number()


@transaction.atomic
def change_rules(rules: HangingRules, *, over: int, note: str, actor: Actor) -> HangingVersion:
    """Put ``rules`` in force for viewers that are opened from now on, as a new version.

    :param over: the version that they were made from; a newer one in between is not overwritten unseen
    :raises EditConflict: there is a newer version
    """
    version = HangingVersion.put_in_force(msgspec.to_builtins(rules), over=over, note=note, actor=actor)
    record(actor, "hanging.changed", subject=f"hanging:{version.number}", protocols=len(rules.protocols))
    return version
