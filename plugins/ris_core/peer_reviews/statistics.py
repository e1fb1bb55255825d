"""What reviews say of readers, over a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from ris_core.peer_reviews.models import PeerReview
from ris_core.peer_reviews.rules import Score


@dataclass(frozen=True, slots=True)
class OfReader:
    """One reader's reports: how many were drawn, and how those that were reviewed were scored."""

    reader: str
    drawn: int
    scores: Counter[str]

    @property
    def reviewed(self) -> int:
        return self.scores.total()

    @property
    def discrepant_percent(self) -> float | None:
        """None: nothing was reviewed."""
        others = self.reviewed - self.scores[Score.CONCUR]
        return round(100 * others / self.reviewed, 1) if self.reviewed else None

    @property
    def significant_percent(self) -> float | None:
        significant = sum(count for score, count in self.scores.items() if Score(score).is_significant)
        return round(100 * significant / self.reviewed, 1) if self.reviewed else None


def by_reader(since: datetime, until: datetime) -> list[OfReader]:
    """Reports drawn from ``since`` to before ``until``, by reader's name."""
    columns = {score.name: Count("pk", filter=Q(score=score.value)) for score in Score}
    rows = _drawn(since, until).values_list("reader_id", "reader__full_name").annotate(drawn=Count("pk"), **columns)
    return [
        OfReader(name, drawn, Counter(dict(zip((score.value for score in Score), counts, strict=True))))
        for _key, name, drawn, *counts in rows.order_by("reader__full_name", "reader_id")
    ]


def reviews(since: datetime, until: datetime) -> Iterator[PeerReview]:
    """Those that were reviewed, of reports drawn in the time; newest first."""
    rows = _drawn(since, until).filter(reviewed_at__isnull=False)
    rows = rows.select_related("version__reading__procedure__request", "reader", "reviewer")
    return rows.order_by("-reviewed_at", "-pk").iterator(chunk_size=1000)


def _drawn(since: datetime, until: datetime) -> QuerySet[PeerReview]:
    return PeerReview.objects.filter(drawn_at__gte=since, drawn_at__lt=until)
