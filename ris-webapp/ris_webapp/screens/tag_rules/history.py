"""What a version of the tag rules changed: the rules that came, went, changed or moved, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ris_core.tag_rules.models import TagRulesVersion

SHOWN_VERSIONS = 20


@dataclass(frozen=True, slots=True)
class VersionShown:
    """A version with what it says otherwise than the one before it."""

    version: TagRulesVersion
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    reordered: bool


def history() -> list[VersionShown]:
    """The newest versions first."""
    versions = list(TagRulesVersion.objects.select_related("made_by").order_by("-number")[: SHOWN_VERSIONS + 1])
    earlier: Sequence[TagRulesVersion | None] = (*versions[1:], None)
    return [_shown(version, before) for version, before in zip(versions, earlier, strict=False)][:SHOWN_VERSIONS]


def _shown(version: TagRulesVersion, before: TagRulesVersion | None) -> VersionShown:
    after = {rule["name"]: rule for rule in version.content["rules"]}
    earlier = {rule["name"]: rule for rule in before.content["rules"]} if before else {}
    kept = [name for name in after if name in earlier]
    return VersionShown(
        version,
        added=tuple(name for name in after if name not in earlier),
        removed=tuple(name for name in earlier if name not in after),
        changed=tuple(name for name in kept if after[name] != earlier[name]),
        reordered=kept != [name for name in earlier if name in after],
    )
