"""The page that stands in a study where a recalled report stood. It names no patient: the images may turn out to be
somebody else's."""

from __future__ import annotations

import functools
import hashlib
from typing import Any
from zoneinfo import ZoneInfo

import weasyprint

from ris_core.reports.models import ReportRecall, ReportVersion
from ris_core.reports.sheet import LAYING_OUT, PackageFiles, printed_template, report_style
from ris_core.reports.words import WORDS
from ris_core.settings import Settings


def recalled_notice(version: ReportVersion, recall: ReportRecall, settings: Settings) -> bytes:
    """The page as PDF/A-3b; the same bytes for the same recall."""
    zone = ZoneInfo(settings.site.time_zone)
    request = version.reading.procedure.request
    html = _template().render(
        language=settings.site.language,
        words=WORDS[settings.site.language],
        site=settings.site,
        accession_number=request.sent_accession_number or request.accession_number,
        version_number=version.number,
        approved_at=version.approved_at.astimezone(zone),
        recalled_at=recall.recalled_at.astimezone(zone),
    )
    with LAYING_OUT:
        css, fonts = report_style()
        pdf: bytes = weasyprint.HTML(string=html, url_fetcher=PackageFiles()).write_pdf(
            stylesheets=[css],
            font_config=fonts,
            pdf_variant="pdf/a-3b",
            pdf_identifier=hashlib.md5(html.encode(), usedforsecurity=False).digest(),
        )
    return pdf


@functools.cache
def _template() -> Any:
    return printed_template("recalled.html.jinja")
