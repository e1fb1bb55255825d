"""Section ``[sharing]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section


class Sharing(Section, frozen=True):
    """Exams shown to people without an account."""

    longest_days: int = 90
    """How long a share may last, counted from when it is made or prolonged."""
    usual_days: int = 7
    """What is offered first."""
    confidential_later: Literal["ask", "withhold"] = "ask"
    """An exam whose patient has become confidential since it was shared is withheld: until somebody who sees such
    patients lets it go on, or for good."""
