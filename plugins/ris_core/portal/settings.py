"""Section ``[portal]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Portal(Section, frozen=True):
    """Where patients look up their results by the code on their slip."""

    enabled: bool = True
    """Without it no slip is made, and none opens anything."""
    slip_days: int = 180
    """How long the code of a slip opens."""
    sms_code: bool = False
    """Whether a one-time code is sent besides to patients whose telephone number is known; needs ``sms.url``."""
    session_idle_minutes: int = 15
    session_hours: int = 2
    """A visit ends then, however much it is used."""
    most_wrong_of_address: int = 30
    """Wrong codes within 15 minutes from one address (a hospital's whole Wi-Fi may be one) before it is shut out."""
    most_wrong_in_all: int = 1000
    """Wrong codes within 15 minutes from everywhere before the door stays shut for all."""
    patients_share: bool = True
    """Whether patients may show their results to others by a link."""
    share_days: int = 7
    """How long such a link lasts at most."""
    shows_viewers: bool = False
    """Whether patients see who of the hospital has opened their exams."""
