"""The hanging rules in their versions."""

from __future__ import annotations

from ris_core.versions_in_force import VersionInForce


class HangingVersion(VersionInForce):
    """One version of all hanging rules (:class:`ris_core.hanging.rules.HangingRules`); the newest is in force."""
