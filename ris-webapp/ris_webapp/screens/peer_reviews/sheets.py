"""The results of peer review as tables of a workbook."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from ris_core.peer_reviews import statistics
from ris_core.peer_reviews.rules import Score
from ris_core.statistics.period import Period
from ris_core.statistics.workbook import Sheet
from ris_webapp.words import WORDS


def sheets_of(period: Period) -> Iterator[Sheet]:
    """Scores by reader, then each review."""
    since, until = period.begins_at, period.ends_at
    days = f"{period.first:%d/%m/%Y}-{period.last:%d/%m/%Y}"
    columns = [_("Bác sĩ đọc"), _("Đã rút"), _("Đã bình duyệt"), *Score, _("Tỉ lệ khác"), _("Tỉ lệ khác đáng kể")]
    yield Sheet(
        _("Theo bác sĩ"),
        f"{_('Bình duyệt')} {days}",
        columns,
        (
            (
                each.reader, each.drawn, each.reviewed, *(each.scores[score] for score in Score),
                each.discrepant_percent, each.significant_percent,
            )
            for each in statistics.by_reader(since, until)
        ),
        [28, 10, 14, *[6] * len(Score), 10, 16],
    )  # fmt: skip
    yield Sheet(
        _("Từng kết quả"),
        f"{_('Bình duyệt')} {days}",
        [
            _("Số phiếu"), _("Dịch vụ"), _("Bác sĩ đọc"), _("Bình duyệt bởi"), _("Lúc"), _("Điểm"), _("Ý nghĩa"),
            _("Lý do"),
        ],
        (
            (
                each.version.reading.procedure.request.accession_number,
                each.version.reading.procedure.service_name,
                each.reader.full_name,
                each.reviewer.full_name if each.reviewer else "",
                each.reviewed_at,
                each.score,
                str(WORDS["peer_score"][each.score]),
                each.reason,
            )
            for each in statistics.reviews(since, until)
        ),
        [18, 36, 24, 24, 17, 6, 40, 60],
    )  # fmt: skip
