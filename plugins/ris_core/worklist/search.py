"""The SQL of a worklist query: every key that has a column is decided by the database, the others on the answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ris_core.worklist.rules import (
    ACCESSION_NUMBER,
    MODALITY,
    PATIENT_ID,
    PATIENT_NAME,
    REQUESTED_PROCEDURE_ID,
    SCHEDULED_PROCEDURE_STEP_SEQUENCE,
    SCHEDULED_PROCEDURE_STEP_START_DATE,
    SCHEDULED_PROCEDURE_STEP_START_TIME,
    SCHEDULED_STATION_AE_TITLE,
    Interval,
    Key,
    Keys,
    Tag,
    combined_range,
    date_interval,
    is_pattern,
    is_range,
    normal_form,
    time_interval,
)

_COLUMNS: dict[Tag, str] = {
    ACCESSION_NUMBER: "accession_number",
    PATIENT_ID: "patient_id",
    PATIENT_NAME: "patient_name",
    REQUESTED_PROCEDURE_ID: "requested_procedure_id",
}
_STEP_COLUMNS: dict[Tag, str] = {
    MODALITY: "modality",
    SCHEDULED_STATION_AE_TITLE: "station_ae_title",
    SCHEDULED_PROCEDURE_STEP_START_DATE: "start_date",
    SCHEDULED_PROCEDURE_STEP_START_TIME: "start_time",
}


@dataclass(slots=True)
class Search:
    """Conditions of the database, joined by AND, with their parameters; and the keys left to match on answers."""

    conditions: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    remaining: dict[Tag, Key] = field(default_factory=dict)
    station: str = ""
    """The one station asked for: steps for any device of its modality are answered under its AE title."""

    def add(self, condition: str, *parameters: str) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)


def compile_search(keys: Keys, *, has_glob: bool) -> Search:
    """The search for ``keys``; ``has_glob`` tells SQLite (GLOB) from PostgreSQL (LIKE, which is case-sensitive there).

    Column names are constants of this module; values are parameters.

    :raises InvalidValue: when a date or time key is malformed
    """
    search = Search()
    for tag, key in keys.items():
        if key.is_universal:
            continue
        if tag in _COLUMNS:
            _add_text(search, _COLUMNS[tag], key, has_glob=has_glob)
        elif tag == SCHEDULED_PROCEDURE_STEP_SEQUENCE:
            _add_step(search, key, has_glob=has_glob)
        else:
            search.remaining[tag] = key
    return search


def _add_step(search: Search, sequence: Key, *, has_glob: bool) -> None:
    left: dict[Tag, Key] = {}
    for tag, key in sequence.item.items():
        if key.is_universal:
            continue
        if tag == SCHEDULED_STATION_AE_TITLE:
            _add_station(search, key, has_glob=has_glob)
        elif tag == MODALITY:
            _add_text(search, "modality", key, has_glob=has_glob)
        elif tag not in _STEP_COLUMNS:
            left[tag] = key
    _add_start(search, sequence.item)
    if left:
        search.remaining[SCHEDULED_PROCEDURE_STEP_SEQUENCE] = Key("SQ", item=left)


def _add_station(search: Search, key: Key, *, has_glob: bool) -> None:
    """A step without a station is for every device of its modality."""
    value = normal_form(key.value, "AE")
    if is_pattern(key) or "\\" in value:
        _add_text(search, "station_ae_title", key, has_glob=has_glob)
        return
    search.station = value
    search.add("station_ae_title IN (%s, '')", value)  # not OR: SQLite would not use the station's index
    search.add(
        "(station_ae_title <> '' OR modality = (SELECT modality FROM devices_device WHERE ae_title = %s AND active))",
        value,
    )


def _add_start(search: Search, item: Keys) -> None:
    date, time = item.get(SCHEDULED_PROCEDURE_STEP_START_DATE), item.get(SCHEDULED_PROCEDURE_STEP_START_TIME)
    by_date = date is not None and not date.is_universal
    by_time = time is not None and not time.is_universal
    if date and time and by_date and by_time and is_range(date) and is_range(time):
        period = combined_range(date, time)
        if period.lowest:
            search.add("(start_date, start_time) >= (%s, %s)", period.lowest[:8], period.lowest[8:])
        if period.highest:
            search.add("(start_date, start_time) <= (%s, %s)", period.highest[:8], period.highest[8:])
        return
    if date and by_date:
        _add_interval(search, "start_date", date_interval(date.value))
    if time and by_time:
        _add_interval(search, "start_time", time_interval(time.value))


def _add_interval(search: Search, column: str, interval: Interval) -> None:
    if interval.lowest and interval.is_single:
        search.add(f"{column} = %s", interval.lowest)
        return
    if interval.lowest:
        search.add(f"{column} >= %s", interval.lowest)
    if interval.highest:
        search.add(f"{column} <= %s", interval.highest)


def _add_text(search: Search, column: str, key: Key, *, has_glob: bool) -> None:
    value = normal_form(key.value, key.representation)
    if is_pattern(key):
        # a trailing caret of a name says nothing: ``NGUYEN^*`` is also the name that is only NGUYEN
        patterns = [value, value.removesuffix(" *")] if value.endswith(" *") else [value]
        operator, form = ("GLOB", _glob) if has_glob else ("LIKE", _like)
        search.add("(" + " OR ".join([f"{column} {operator} %s"] * len(patterns)) + ")", *map(form, patterns))
        return
    values = [normal_form(single, key.representation) for single in key.value.split("\\")]
    if len(values) == 1:
        search.add(f"{column} = %s", values[0])
    else:
        search.add(f"{column} IN ({', '.join(['%s'] * len(values))})", *values)


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
