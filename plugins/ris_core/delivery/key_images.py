"""The pictures that the reader chose, as they go with a result."""

from __future__ import annotations

from datetime import datetime

from ris_core.access.signing import Keyring
from ris_core.access.tokens import ImageLink, issue_image_link
from ris_core.delivery.result import KeyImage
from ris_core.key_images.versions import images_of
from ris_core.reports.models import ReportVersion
from ris_core.settings import Settings


def key_images_of(
    version: ReportVersion, receiver_code: str, expires_at: datetime, settings: Settings
) -> tuple[KeyImage, ...]:
    """The key images of a version, in the reader's order, each with a link that opens it until ``expires_at``."""
    images = images_of(version.pk)
    if not images:
        return ()
    keyring = Keyring.from_settings(settings)
    root = settings.public_url.rstrip("/")
    return tuple(
        KeyImage(
            sop_instance_uid=image.sop_instance_uid,
            jpeg=image.jpeg,
            url=f"{root}/open/image/"
            + issue_image_link(
                keyring,
                ImageLink(receiver_code, version.pk, position, expires_at, version.reading.procedure.patient_id),
            ),
            title=image.caption,
        )
        for position, image in enumerate(images, start=1)
    )
