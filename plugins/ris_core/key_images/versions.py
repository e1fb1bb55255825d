"""The key images of an approved version: frozen at approval, read by whoever prints or returns them."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.jobs.services import enqueue
from ris_core.key_images.models import KeyImage, VersionKeyImage
from ris_core.key_images.seeing import seen_by
from ris_core.reports.models import ReportVersion
from ris_core.studies.models import StudyLink


@dataclass(frozen=True, slots=True)
class ReturnedImage:
    """One key image of a version: what is printed, returned to the HIS and bound by a signature."""

    jpeg: bytes
    sha256: str
    """Of ``jpeg``."""
    caption: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frame: int


def freeze(version: ReportVersion) -> int:
    """Bind the images chosen now to ``version``, in the caller's transaction, and have them stored as a Key Object.

    Images whose study is linked to the exam no more (moved to another patient meanwhile) stay behind.

    :returns: how many there are
    """
    procedure_id = version.reading.procedure_id
    linked = StudyLink.objects.filter(procedure_id=procedure_id, undone_at__isnull=True)
    chosen = (
        KeyImage.objects.filter(
            procedure_id=procedure_id,
            removed_at__isnull=True,
            study_instance_uid__in=linked.values("study__study_instance_uid"),
        )
        .order_by("position", "pk")
        .defer("picture")
    )
    # readers who saw nothing of each other may have chosen the same
    each_once = {(kept.sop_instance_uid, kept.frame, kept.sha256): kept for kept in reversed(chosen)}
    frozen = [
        VersionKeyImage(version=version, key_image=kept, position=number, caption=kept.caption, sha256=kept.sha256)
        for number, kept in enumerate(reversed(each_once.values()), start=1)
    ]
    VersionKeyImage.objects.bulk_create(frozen)
    if frozen:
        enqueue("store_key_object", version.pk)
    return len(frozen)


def images_of(version_id: int) -> list[ReturnedImage]:
    """The key images of a version, in their order (R6)."""
    frozen = VersionKeyImage.objects.filter(version_id=version_id).select_related("key_image").order_by("position")
    return [_returned(item.key_image, item.caption) for item in frozen]


def images_chosen_now(procedure_id: int, user_id: int) -> list[ReturnedImage]:
    """What the user sees of the key images that a version approved now would have; for previews."""
    chosen = seen_by(user_id, procedure_id).filter(removed_at__isnull=True).order_by("position", "pk")
    return [_returned(kept, kept.caption) for kept in chosen]


def hashes_of(version_id: int) -> list[str]:
    """SHA-256 of each key image's JPEG, in their order: what a signature binds."""
    frozen = VersionKeyImage.objects.filter(version_id=version_id).order_by("position")
    return list(frozen.values_list("sha256", flat=True))


def _returned(kept: KeyImage, caption: str) -> ReturnedImage:
    return ReturnedImage(
        jpeg=bytes(kept.picture),
        sha256=kept.sha256,
        caption=caption,
        study_instance_uid=kept.study_instance_uid,
        series_instance_uid=kept.series_instance_uid,
        sop_instance_uid=kept.sop_instance_uid,
        frame=kept.frame,
    )
