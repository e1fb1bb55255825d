"""Images of a study that has gone into another one (a merge) and that nobody saw then, or that came since."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.identifiers import OrthancId
from ris_core.studies.models import Study
from ris_core.studies.operations_under_way import merge_of


def let_follow_merge(engine: Engine, study: Study, places: Collection[OrthancId]) -> None:
    """Of a study that has gone into another, series that nobody saw then, or that came since, go there too."""
    if merge_of(study) is None:
        return
    found = {uid for place in places for uid in _series_at(engine, place)}
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)  # as who undoes the merge does
        merge = merge_of(study)
        target = merge.other_study if merge is not None else None
        while target is not None and (further := merge_of(target)) is not None:
            target = further.other_study
        if merge is None or target is None:
            return
        placed = study.placements_away.filter(undone=False, sop_instance_uid="")
        for uid in sorted(found - set(placed.values_list("series_instance_uid", flat=True))):
            merge.placements.create(origin=study, target=target, series_instance_uid=uid)


def _series_at(engine: Engine, place: OrthancId) -> set[str]:
    try:
        keys = engine.study(place).series_ids
        return {engine.series(key).series_instance_uid for key in keys}
    except NotInEngine:
        return set()
