"""Section ``[imports]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Imports(Section, frozen=True):
    """Images from outside."""

    largest_gibibytes: int = 10
    """What one import may hand in, and what may come out of it."""
    kept_days: float = 14.0
    """Undecided ones are thrown away after so long."""
