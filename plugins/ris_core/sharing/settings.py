"""Section ``[sharing]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section
from ris_core.sharing.watermark import check_words


class Sharing(Section, frozen=True):
    """Exams shown to people without an account."""

    longest_days: int = 90
    """How long a share may last, counted from when it is made or prolonged."""
    usual_days: int = 7
    """What is offered first."""
    confidential_later: Literal["ask", "withhold"] = "ask"
    """An exam whose patient has become confidential since it was shared is withheld: until somebody who sees such
    patients lets it go on, or for good."""
    watermark: Literal["off", "on", "always"] = "off"
    """Whether pictures and reports of a share bear whom it is for: as whoever shares chooses (``off``, ``on``: what is
    offered first), or always."""
    watermark_text: str = ""
    """The words; ``{sharer}``, ``{receiver}``, ``{date}``, ``{code}`` and ``{site}`` stand for what they say. Empty:
    ours, in the site's language. Anonymous shares always have words of ours, which name nobody."""

    def __post_init__(self) -> None:
        if self.watermark_text:
            check_words(self.watermark_text)
