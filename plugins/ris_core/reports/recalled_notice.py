"""The page that stands in a study where a recalled report stood. It names no patient: the images may turn out to be
somebody else's."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from ris_core.print_layouts.arranging import Task, arranged
from ris_core.print_layouts.style import report_styles
from ris_core.reports.models import ReportRecall, ReportVersion
from ris_core.reports.sheet import USUAL_DESIGN, shown_moment
from ris_core.reports.words import WORDS
from ris_core.settings import Settings


def recalled_notice(version: ReportVersion, recall: ReportRecall, settings: Settings) -> bytes:
    """The page as PDF/A-3b; the same bytes for the same recall."""
    zone = ZoneInfo(settings.site.time_zone)
    request = version.reading.procedure.request
    recalled_at = recall.recalled_at.astimezone(zone)
    context = {
        "language": settings.site.language,
        "words": {key: value for key, value in WORDS[settings.site.language].items() if key != "sections"},
        "site": {
            "name": settings.site.name,
            "department": settings.site.department,
            "phone": settings.site.phone,
        },
        "accession_number": request.sent_accession_number or request.accession_number,
        "version_number": version.number,
        "approved_at": shown_moment(version.approved_at.astimezone(zone)),
        "recalled_at": shown_moment(recalled_at),
        "recalled_at_iso": recalled_at.isoformat(),
    }
    styles = report_styles(USUAL_DESIGN)
    return arranged(Task(shipped="recalled.html.jinja", template="", context=context, styles=styles, archival=True)).pdf
