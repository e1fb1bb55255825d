"""How long an exam may wait for its report where no target fits it. Pure."""

from __future__ import annotations

from typing import Final

USUAL_MINUTES: Final = {"STAT": 30, "HIGH": 60, "ROUTINE": 240, "MEDIUM": 240, "LOW": 480}
"""By priority."""
