"""What is wrong with a backup, or with where it shall go."""

from __future__ import annotations

from ris_core.errors import QuangError


class BackupRefused(QuangError):
    """A file that is no whole, untouched backup under a key of ours, or a place that it cannot be restored to."""

    code = "QUANG-9101"
