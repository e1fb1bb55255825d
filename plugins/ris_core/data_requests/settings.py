"""Section ``[data_requests]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class DataRequests(Section, frozen=True):
    """How soon what patients ask about their data is answered, and how long their records must stay.

    The days are those of decree 356/2025/NĐ-CP as published when this was written; the hospital's own lawyer
    is to confirm them.
    """

    access_days: int = 10
    """To show what is kept, and give a copy."""
    correction_days: int = 10
    erasure_days: int = 20
    restriction_days: int = 15
    """That fewer see it, or nothing more is done with it."""
    withdrawal_days: int = 15
    """Of a consent."""
    complaint_days: int = 30
    """No article of the decree: the hospital's own."""
    records_years: int = 10
    """From a patient's latest exam: before its end nobody can decide to erase everything of theirs."""
