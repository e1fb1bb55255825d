"""Section ``[backup]`` of the settings."""

from __future__ import annotations

from ris_core.settings_section import Section


class Backup(Section, frozen=True):
    """Backups by themselves."""

    folder: str = ""
    """Where they go; empty: none are made."""
    every_hours: float = 24.0
    keep: int = 7
    """So many of the newest stay; older ones are deleted after a new one has been made."""
