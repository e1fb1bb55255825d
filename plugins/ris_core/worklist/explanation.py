"""Why is this order (not) on my device? Answered field by field, by the rules that the device's query goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils import timezone

from ris_core.devices.quirks import WorklistFilter
from ris_core.devices.registered import registered_device
from ris_core.devices.rules import RegisteredDevice
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.models import ScheduledProcedureStep
from ris_core.worklist.dataset import attributes_of, read_file
from ris_core.worklist.eligibility import Check, Verdict, checks_of, meant
from ris_core.worklist.encoding import encode_answer, for_station
from ris_core.worklist.history import keys_of
from ris_core.worklist.models import WorklistEntry, WorklistQuery
from ris_core.worklist.rules import (
    SCHEDULED_PROCEDURE_STEP_SEQUENCE,
    SCHEDULED_STATION_AE_TITLE,
    Attributes,
    Key,
    Keys,
    is_pattern,
)
from ris_core.worklist.services import columns_of, compose_answer, find_entries, modalities_of

REGISTERED, ACTIVE, MAY_QUERY, ON_WORKLIST = "REGISTERED", "ACTIVE", "MAY_QUERY", "ON_WORKLIST"
ENCODABLE, HAS_ASKED, LIMIT = "ENCODABLE", "HAS_ASKED", "LIMIT"
OWN_CHECKS = (REGISTERED, ACTIVE, MAY_QUERY, ON_WORKLIST, ENCODABLE, HAS_ASKED, LIMIT)
"""Checks that are about neither the device's filter nor its keys."""


_EVERYTHING = WorklistFilter(stations="any", by_modality=False)
"""What a device that nobody has registered is shown, where such may ask."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step and one device."""

    ae_title: str
    step_id: int
    present: bool
    """Whether the device's query finds it: what the query itself says, and never another rule."""
    checks: tuple[Check, ...]


def explain_absence(
    ae_title: str,
    *,
    step_id: int | None = None,
    procedure_id: int | None = None,
    keys: Keys | None = None,
    today: date | None = None,
) -> tuple[Explanation, ...]:
    """Why the step, or each step of the requested procedure, is or is not found by the device.

    :param keys: the query to explain; none: the device's own last one, as far as it is kept
    :param today: the day that the device's window counts from; the site's present one when none
    :raises NotFound: when there is no such step or procedure
    """
    steps = ScheduledProcedureStep.objects.select_related(
        "procedure__request__visit", "procedure__patient", "procedure__request__patient", "worklist_entry"
    ).order_by("id")
    found = list(steps.filter(pk=step_id) if step_id is not None else steps.filter(procedure_id=procedure_id))
    if not found:
        raise NotFound("there is no such scheduled procedure step", field="step")
    device = registered_device(ae_title)
    asked: list[Check] = []
    if keys is None:
        keys, asked = _last_query(ae_title)
    day = today or timezone.localdate()
    return tuple(_explain(ae_title, device, step, keys, asked, day) for step in found)


def _explain(
    ae_title: str,
    device: RegisteredDevice | None,
    step: ScheduledProcedureStep,
    keys: Keys,
    asked: Sequence[Check],
    today: date,
) -> Explanation:
    checks = _admission(ae_title, device)
    entry = getattr(step, "worklist_entry", None)
    checks.append(_passed(ON_WORKLIST, entry is not None, found=step.status))
    device = device or RegisteredDevice(ae_title, worklist_filter=_EVERYTHING)
    try:
        facts, attributes = _facts(step, entry, device, keys)
    except InvalidValue as error:
        checks.append(Check(ENCODABLE, Verdict.FAIL, found=error.field))
        return Explanation(ae_title, step.pk, False, tuple(checks))
    checks.extend(checks_of(device, facts, keys, attributes, today))
    checks.extend(asked)
    if any(check.verdict is Verdict.FAIL for check in checks):
        return Explanation(ae_title, step.pk, False, (*checks, Check(LIMIT, Verdict.UNKNOWN)))
    most = settings.QUANG.worklist.max_answers
    found = find_entries(keys, most, device, today)
    present = step.pk in found.step_ids
    checks.append(_passed(LIMIT, present, wanted=str(min(most, device.worklist_filter.limit or most))))
    return Explanation(ae_title, step.pk, present, tuple(checks))


def _admission(ae_title: str, device: RegisteredDevice | None) -> list[Check]:
    if device is None:
        return [_passed(REGISTERED, not settings.QUANG.dicom.registered_only, wanted=ae_title)]
    return [
        _passed(REGISTERED, True, wanted=ae_title),
        _passed(ACTIVE, device.active),
        _passed(MAY_QUERY, device.may_query_worklist),
    ]


def _passed(about: str, passed: bool, *, wanted: str = "", found: str = "") -> Check:
    return Check(about, Verdict.PASS if passed else Verdict.FAIL, wanted, found)


def _last_query(ae_title: str) -> tuple[Keys, list[Check]]:
    last = WorklistQuery.objects.filter(ae_title=ae_title).order_by("-last_at").first()
    if last is None:
        return {}, [Check(HAS_ASKED, Verdict.UNKNOWN)]
    not_kept = [keyword for keyword, value in last.keys.items() if value is None]
    return keys_of(last.keys), [Check(f"KEY {keyword}", Verdict.UNKNOWN) for keyword in not_kept]


def _facts(
    step: ScheduledProcedureStep, entry: WorklistEntry | None, device: RegisteredDevice, keys: Keys
) -> tuple[dict[str, str | int], Attributes]:
    """The step's columns, and its answer under the title that the query asks for.

    :raises InvalidValue: when a step that is not on the worklist could not be put there
    """
    if entry is not None:
        answer = bytes(entry.answer)
        names = columns_of_entry()
        facts: dict[str, str | int] = {name: getattr(entry, name) for name in names}
    else:
        composed = compose_answer(step, list(step.procedure.patient.identifiers.all()))
        answer, facts = encode_answer(composed), columns_of(composed)
    asked = _station_asked(meant(keys, device.quirks))
    if asked and not facts["station_ae_title"] and facts["modality"] in modalities_of(asked, device):
        answer = for_station(answer, asked)
    return facts, attributes_of(read_file(answer))


def columns_of_entry() -> tuple[str, ...]:
    """Names of the columns that :func:`~ris_core.worklist.services.columns_of` fills."""
    return tuple(field.name for field in WorklistEntry._meta.concrete_fields if field.name not in ("step", "answer"))


def _station_asked(keys: Keys) -> str:
    key = keys.get(SCHEDULED_PROCEDURE_STEP_SEQUENCE, Key("SQ")).item.get(SCHEDULED_STATION_AE_TITLE)
    if key is None or key.is_universal or is_pattern(key) or "\\" in key.value:
        return ""
    return key.value.strip()
