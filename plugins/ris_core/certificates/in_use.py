"""Which certificates the suite shows, and which of them end soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ris_core.certificates.authority import RENEWED_DAYS, days_left
from ris_core.errors import InvalidValue
from ris_core.settings import Settings


def certificates_in_use(settings: Settings) -> Iterator[tuple[str, Path]]:
    """By what they are for."""
    if settings.front_door_certificate:
        yield "front-door", Path(settings.front_door_certificate)
    if settings.dicom.tls_port or settings.mpps.tls_port:
        yield "dicom", settings.dicom_certificate
        yield "dicom-authority", settings.dicom_client_ca
    if settings.hl7.tls_port:
        yield "hl7", Path(settings.hl7.tls_certificate)


def ending_soon(settings: Settings, now: datetime) -> dict[str, int | None]:
    """Days left of those that end within :data:`RENEWED_DAYS`; None: one cannot be read."""
    found: dict[str, int | None] = {}
    for name, path in certificates_in_use(settings):
        try:
            days = days_left(path, now)
        except (InvalidValue, OSError):
            found[name] = None
            continue
        if days <= RENEWED_DAYS:
            found[name] = days
    return found
