"""What there is of an anonymous share's copies: for whoever shares, and for the receiver."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ris_core.delivery.shown import shown_studies
from ris_core.sharing.lineage import root_of
from ris_core.sharing.models import CopiedImage, CopiedStudy, CopyingState, Share, ShareCopying
from ris_core.studies.operations_under_way import taken_from_since

MOST_PICTURES = 60


@dataclass(frozen=True, slots=True)
class Copies:
    """How far they are."""

    state: CopyingState
    image_count: int
    done_count: int
    cleaned_count: int
    withheld: tuple[tuple[str, int], ...]
    """Reason and how many, the most frequent first."""
    pictures: tuple[CopiedImage, ...]
    """To be looked at before they are given away: those from which text was taken first, then those in which it was
    looked for."""


def copies_of(share: Share) -> Copies:
    """Of an anonymous share."""
    copying = ShareCopying.objects.filter(share=share).first()
    if copying is None:
        return Copies(CopyingState.COPYING, 0, 0, 0, (), ())
    images = CopiedImage.objects.filter(copied_study__copying=copying)
    results = Counter(images.values_list("result", flat=True))
    reasons = Counter(images.filter(result=CopiedImage.Result.WITHHELD).values_list("reason", flat=True))
    shown = images.exclude(result=CopiedImage.Result.WITHHELD).order_by("result", "pk")  # CLEANED, COPIED, LOOKED_AT
    looked_at = list(shown.exclude(result=CopiedImage.Result.COPIED)[:MOST_PICTURES])
    further = shown.filter(result=CopiedImage.Result.COPIED)[: max(0, MOST_PICTURES - len(looked_at))]
    return Copies(
        CopyingState(copying.state),
        copying.image_count,
        sum(results.values()),
        results[CopiedImage.Result.CLEANED],
        tuple(reasons.most_common()),
        (*looked_at, *further),
    )


def are_ready(share: Share) -> bool:
    """Whether the copies may be given away."""
    return ShareCopying.objects.filter(share=share, state=CopyingState.READY).exists()


def copied_study_uids(share: Share, exam_id: int) -> list[str]:
    """StudyInstanceUIDs of the copies of an exam's images, as far as these may still be shown: none of a study from
    which images have been taken since (rejected, or moved to where they belong), as there are copies of those too."""
    share = root_of(share)
    if not are_ready(share):
        return []
    sources = {study.pk for study in shown_studies(exam_id)} - _taken_from_since(share)
    copied = CopiedStudy.objects.filter(copying__share=share, procedure=exam_id, study__in=sources)
    with_images = copied.exclude(images__isnull=True).filter(images__orthanc_id__gt="").distinct().order_by("pk")
    return list(dict.fromkeys(with_images.values_list("study_instance_uid", flat=True)))


def _taken_from_since(share: Share) -> set[int]:
    """Of the studies that were copied those from which images have been taken, or may have been, since it was asked
    for."""
    copied = CopiedStudy.objects.filter(copying__share=share).values_list("study", flat=True)
    return taken_from_since(set(copied), share.created_at)
