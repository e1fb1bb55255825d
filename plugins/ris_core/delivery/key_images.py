"""The pictures that the reader chose, as they go with a result."""

from __future__ import annotations

from datetime import datetime

from ris_core.delivery.result import KeyImage
from ris_core.reports.models import ReportVersion
from ris_core.settings import Settings


def key_images_of(
    version: ReportVersion, receiver_code: str, expires_at: datetime, settings: Settings
) -> tuple[KeyImage, ...]:
    """The key images of a version, in the reader's order, each with a link that opens it until ``expires_at``."""
    return ()
