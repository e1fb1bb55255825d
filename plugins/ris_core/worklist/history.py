"""What each device has asked and fetched, and when: written behind the answers, bounded, without names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from pydicom.datadict import keyword_for_tag

from ris_core.changes.services import announce
from ris_core.worklist.eligibility import TAG_OF_KEY
from ris_core.worklist.models import WorklistFetch, WorklistQuery
from ris_core.worklist.rules import SCHEDULED_PROCEDURE_STEP_SEQUENCE, Key, Keys

MOST_QUERIES = 20
"""Different queries kept of each device."""
OF_THE_STEP = frozenset(tag for tag in TAG_OF_KEY.values() if tag >> 16 == 0x0040 and tag != 0x00401001) | {0x00080060}
"""Of the keys that can be named, those that stand in the scheduled step's item."""
_TEXT_REPRESENTATIONS = frozenset({"LO", "LT", "PN", "ST", "UC", "UT"})
_IDENTIFIERS = frozenset({"PatientID", "IssuerOfPatientID", "PlacerOrderNumberImagingServiceRequest", "AdmissionID"})


@dataclass(frozen=True, slots=True)
class Fetch:
    """A device asked, and was answered with some steps or none."""

    step_ids: tuple[int, ...]
    ae_title: str
    address: str
    at: datetime
    keys: Keys = field(default_factory=dict)
    complete: bool = True


def note_fetched(fetches: Sequence[Fetch]) -> int:
    """Keep what devices have asked, and which has fetched which step, first and last when, how often; returns how
    many pairs of device and step were new.

    Screens are told of a step that a device has fetched for the first time.
    """
    _note_queries(fetches)
    rows: dict[tuple[int, str], list[Any]] = {}
    moment = connection.ops.adapt_datetimefield_value
    for fetch in fetches:
        for step_id in fetch.step_ids:
            row = rows.setdefault(
                (step_id, fetch.ae_title),
                [step_id, fetch.ae_title, fetch.address, moment(fetch.at), moment(fetch.at), 0],
            )
            row[4], row[5] = moment(fetch.at), row[5] + 1
    if not rows:
        return 0
    with transaction.atomic():
        steps = {step_id for step_id, _ in rows}
        known = set(WorklistFetch.objects.filter(step_id__in=steps).values_list("step_id", "ae_title"))
        new = rows.keys() - known
        with connection.cursor() as cursor:
            # in the order of the steps, as everybody locks them: two that note or link at once do not wait in a ring
            cursor.executemany(_NOTE_FETCH, [rows[key] for key in sorted(rows)])
        for step_id in sorted({step_id for step_id, _ in new}):
            announce("worklist", step_id)
    return len(new)


_NOTE_FETCH = """
    INSERT INTO worklist_worklistfetch (step_id, ae_title, address, first_at, last_at, times)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (step_id, ae_title) DO UPDATE SET
        last_at = excluded.last_at, address = excluded.address, times = worklist_worklistfetch.times + excluded.times
"""


def kept_keys(keys: Keys) -> dict[str, str | None]:
    """Keys as they are kept: values by keyword; null where free text about a person was given."""
    kept: dict[str, str | None] = {}
    for tag, key in sorted(keys.items()):
        if key.is_universal:
            continue
        if key.representation == "SQ":
            kept.update(kept_keys(key.item))
            continue
        keyword = keyword_for_tag(tag) or f"{tag:08X}"
        is_text = key.representation in _TEXT_REPRESENTATIONS and keyword not in _IDENTIFIERS
        kept[keyword] = None if is_text else key.value.replace("\0", "")[:64]
    return kept


def keys_of(kept: dict[str, str | None]) -> Keys:
    """The keys that were kept, of those that :mod:`ris_core.worklist.eligibility` names; what was not kept is any."""
    item: dict[int, Key] = {}
    keys: dict[int, Key] = {}
    for keyword, representation in _READ_AGAIN.items():
        if value := kept.get(keyword):
            tag = TAG_OF_KEY[keyword]
            (item if tag in OF_THE_STEP else keys)[tag] = Key(representation, value)
    return {**keys, SCHEDULED_PROCEDURE_STEP_SEQUENCE: Key("SQ", item=item)}


def _note_queries(fetches: Sequence[Fetch]) -> None:
    moment = connection.ops.adapt_datetimefield_value
    rows: dict[tuple[str, str], list[Any]] = {}
    for fetch in fetches:
        if not fetch.ae_title:
            continue
        keys = json.dumps(kept_keys(fetch.keys), sort_keys=True)
        fingerprint = hashlib.sha256(keys.encode()).hexdigest()[:32]
        row = rows.setdefault(
            (fetch.ae_title, fingerprint),
            [fetch.ae_title, fingerprint, fetch.address, keys, 0, True, moment(fetch.at), None, 0],
        )
        row[2], row[4], row[5], row[7] = fetch.address, len(fetch.step_ids), fetch.complete, moment(fetch.at)
        row[8] += 1
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_NOTE_QUERY, [rows[key] for key in sorted(rows)])
        for title in sorted({title for title, _ in rows}):
            newest = WorklistQuery.objects.filter(ae_title=title).order_by("-last_at", "-pk")
            kept = list(newest.values_list("pk", flat=True)[: MOST_QUERIES + 1])
            if len(kept) > MOST_QUERIES:
                newest.exclude(pk__in=kept[:MOST_QUERIES]).delete()


_NOTE_QUERY = """
    INSERT INTO worklist_worklistquery
        (ae_title, fingerprint, address, keys, answers, complete, first_at, last_at, times)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (ae_title, fingerprint) DO UPDATE SET
        last_at = excluded.last_at, address = excluded.address, answers = excluded.answers,
        complete = excluded.complete, times = worklist_worklistquery.times + excluded.times
"""
_READ_AGAIN = {
    "AccessionNumber": "SH", "Modality": "CS", "PatientID": "LO", "RequestedProcedureID": "SH",
    "ScheduledProcedureStepStartDate": "DA", "ScheduledProcedureStepStartTime": "TM", "ScheduledStationAETitle": "AE",
    "StudyInstanceUID": "UI",
}  # fmt: skip
