"""Section ``[teaching]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Teaching(Section, frozen=True):
    """Teaching cases."""

    most_pictures: int = 120
    """Of one case."""
    series_pictures: int = 40
    """Of one series; of a longer one as many, spread evenly."""
