"""The tag rules in force, their next version, and what other rules would make of stored studies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.studies.received import Header, header_from_json
from ris_core.tag_rules.models import TagRulesVersion
from ris_core.tag_rules.rules import READABLE, Applied, TagRules, apply_rules, rules_from_json

if TYPE_CHECKING:
    from ris_core.studies.models import Study

MOST_PREVIEWED: Final = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would make of one stored study; nothing is written."""

    study: Study
    applied: Applied
    before: dict[str, str]


def rules_in_force() -> TagRules:
    """The newest version; none without one."""
    newest = TagRulesVersion.newest_content()
    return TagRules() if newest is None else rules_from_json(newest)


def rules_number() -> int:
    """The number of the version in force; 0: there are no rules yet."""
    return TagRulesVersion.newest_number()


def applied_to(header: Header, device: str, rules: TagRules | None = None) -> Applied:
    """What ``rules`` (or those in force) make of a study with this header."""
    attributes = {keyword: header.text(tag) for keyword, tag in READABLE.items()}
    return apply_rules(rules if rules is not None else rules_in_force(), attributes, device)


def dry_run(rules: TagRules, studies: Iterable[Study]) -> list[Preview]:
    """The studies that ``rules`` would change, from what was received of each, with before and after."""
    previews = []
    for study in studies:
        header = header_from_json(study.as_received)
        applied = applied_to(header, study.remote_ae_title, rules)
        if applied.changes:
            before = {keyword: header.text(READABLE[keyword]) for keyword in applied.changes}
            previews.append(Preview(study, applied, before))
    return previews


@transaction.atomic
def change_rules(rules: TagRules, *, over: int, note: str, actor: Actor) -> TagRulesVersion:
    """Put ``rules`` in force for studies that arrive from now on, as a new version.

    :param over: the version that they were made from; a newer one in between is not overwritten unseen
    :raises EditConflict: there is a newer version
    """
    version = TagRulesVersion.put_in_force(msgspec.to_builtins(rules), over=over, note=note, actor=actor)
    identity = [rule.name for rule in rules.rules if rule.on and rule.changes_identity]
    record(actor, "tag_rules.changed", subject=f"tag_rules:{version.number}", changing_identity=identity)
    return version
