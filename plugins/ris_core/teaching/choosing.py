"""Which images of an exam become pictures of a teaching case: key images as their readers saw them, and series."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.conf import settings

from ris_core.engine.answers import EngineInstance, EngineSeries
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.key_images.models import KeyImage
from ris_core.key_images.seeing import chosen_of
from ris_core.studies.models import Study
from ris_core.teaching.errors import TeachingInvalid
from ris_core.teaching.models import TeachingImage
from ris_core.teaching.rules import spread

_NO_IMAGES = frozenset({"SR", "PR", "KO", "DOC", "ECG", "RTPLAN", "RTRECORD", "PLAN"})
"""Modalities of series that are withheld from anonymous copies anyway."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A series that may be chosen."""

    study: Study
    series: EngineSeries

    @property
    def count(self) -> int:
        return len(self.series.instance_ids)

    @property
    def taken(self) -> int:
        """How many pictures are made of it."""
        return min(self.count, settings.QUANG.teaching.series_pictures)


def offered_series(engine: Engine, studies: Sequence[Study]) -> list[Offered]:
    """Of an exam's studies those that have images; what the sweeper has not found gone yet is passed over."""
    found: list[Offered] = []
    for study in studies:
        try:
            every = [engine.series(key) for key in engine.study(study.orthanc_id).series_ids]
        except NotInEngine:
            continue
        found += [Offered(study, series) for series in every if series.modality not in _NO_IMAGES]
    return sorted(found, key=lambda each: (each.study.pk, _number(each.series.number), each.series.series_instance_uid))


def chosen_images(
    engine: Engine, exam_id: int, studies: Sequence[Study], user_id: int, key_images: Collection[int],
    series_ids: Collection[str],
) -> list[TeachingImage]:  # fmt: skip
    """Rows that are not stored yet, in their order: key images, then series.

    :raises TeachingInvalid: none is chosen, one is not there, or they are too many
    """
    found: list[TeachingImage] = []
    if key_images:
        by_uid = {study.study_instance_uid: study for study in studies}
        instances = {each.sop_instance_uid: each for study in studies for each in engine.instances(study.orthanc_id)}
        for key in chosen_of(exam_id, user_id).filter(pk__in=key_images):
            if key.sop_instance_uid not in instances or key.study_instance_uid not in by_uid:
                raise TeachingInvalid("a key image is not in the archive any more", field="images")
            found.append(_of_key_image(key, by_uid[key.study_instance_uid], instances[key.sop_instance_uid]))
    if series_ids:
        offered = {str(each.series.orthanc_id): each for each in offered_series(engine, studies)}
        if not set(series_ids) <= offered.keys():
            raise TeachingInvalid("a series is not in the archive any more", field="images")
        for place, each in offered.items():
            if place in series_ids:
                found += _of_series(engine, each)
    if not found:
        raise TeachingInvalid("choose at least one image", field="images")
    if len(found) > settings.QUANG.teaching.most_pictures:
        raise TeachingInvalid(f"at most {settings.QUANG.teaching.most_pictures} pictures", field="too_many")
    for position, image in enumerate(found, 1):
        image.position = position
    return found


def _of_key_image(key: KeyImage, study: Study, instance: EngineInstance) -> TeachingImage:
    return TeachingImage(
        study=study, series_instance_uid=key.series_instance_uid, sop_instance_uid=key.sop_instance_uid,
        orthanc_id=instance.orthanc_id, frame=key.frame, is_key=True, window_center=key.window_center,
        window_width=key.window_width, inverted=key.inverted, view=key.view,
    )  # fmt: skip


def _of_series(engine: Engine, offered: Offered) -> list[TeachingImage]:
    instances = [
        each for each in engine.instances(offered.study.orthanc_id) if each.series_id == offered.series.orthanc_id
    ]
    instances.sort(key=lambda each: (_number(each.number), each.sop_instance_uid))
    return [
        TeachingImage(
            study=offered.study, series_instance_uid=offered.series.series_instance_uid,
            sop_instance_uid=instances[place].sop_instance_uid, orthanc_id=instances[place].orthanc_id, frame=0,
        )
        for place in spread(len(instances), settings.QUANG.teaching.series_pictures)
    ]  # fmt: skip


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
