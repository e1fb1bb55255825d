"""Section ``[exports]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Exports(Section, frozen=True):
    """Exams given out as files."""

    kept_hours: float = 72.0
    """How long finished files can be downloaded."""
    kept_gibibytes: int = 60
    """Room for all exports together."""
    largest_gibibytes: int = 20
    """What one may become, by estimate."""
