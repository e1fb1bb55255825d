"""Section ``[sharing]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Sharing(Section, frozen=True):
    """Exams shown to people without an account."""

    longest_days: int = 90
    """How long a share may last, counted from when it is made or prolonged."""
    usual_days: int = 7
    """What is offered first."""
