"""The draft as it would be printed: marked as a draft, with neither approval nor QR code."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.key_images.versions import images_chosen_now
from ris_core.print_layouts.choosing import layout_of
from ris_core.reports.documents import printed, sheet_of
from ris_core.reports.models import Reading, ReportVersion
from ris_core.reports.sheet import DRAFT, render_pdf
from ris_core.reports.texts import content_of, put_content


def draft_pdf(reading: Reading, reader: User) -> bytes:
    """The PDF of what ``reading`` holds now; made in the moment and kept nowhere."""
    imagined = ReportVersion(
        reading=reading,
        number=reading.versions.count() + 1,
        status=DRAFT,
        approved_by=reader,
        approved_at=timezone.now(),
    )
    put_content(imagined, content_of(reading))
    images = printed(images_chosen_now(reading.procedure_id, reader.pk))
    sheet = replace(sheet_of(imagined, settings.QUANG), status=DRAFT, viewer_url="", verify_url="", key_images=images)
    layout = layout_of(imagined)
    return render_pdf(sheet, layout.design, layout.pictures)
