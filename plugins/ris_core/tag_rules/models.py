"""The tag rules in their versions."""

from __future__ import annotations

from ris_core.versions_in_force import VersionInForce


class TagRulesVersion(VersionInForce):
    """One version of all rules (:class:`ris_core.tag_rules.rules.TagRules`); the newest is in force."""
