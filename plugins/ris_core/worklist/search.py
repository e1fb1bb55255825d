"""The SQL of a worklist query: every key that has a column is decided by the database, the others on the answers.

SQLite has no statistics unless somebody gathers them, and would rather walk an index in the order of the answers than
look up a patient. So it is told which columns to look up: the others get a unary ``+``, which takes them out of its
choice of index. PostgreSQL knows how many rows each way would read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from ris_core.worklist.eligibility import Requirement, Term
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
_IN_COLUMNS_OF_STEP = frozenset(
    (
        MODALITY,
        SCHEDULED_STATION_AE_TITLE,
        SCHEDULED_PROCEDURE_STEP_START_DATE,
        SCHEDULED_PROCEDURE_STEP_START_TIME,
    )
)
_IN_ORDER = ("priority_rank", "start_date", "start_time", "step_id")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one column."""

    column: str
    template: str
    """``{}`` stands for the column."""
    parameters: tuple[str | int, ...]
    is_equality: bool = False


@dataclass(slots=True)
class Search:
    """Conditions joined by AND, and the keys left to match on answers."""

    conditions: list[Condition] = field(default_factory=list)
    remaining: dict[Tag, Key] = field(default_factory=dict)
    station: str = ""
    """The one station asked for: steps for any device of its modality are answered under its AE title."""

    def sql(self, *, for_sqlite: bool) -> tuple[str, list[str | int]]:
        """WHERE and ORDER BY with their parameters. Column names are constants of this module."""
        led = self._leading_columns()
        ordered_by_index = led is None
        conditions: list[str] = []
        parameters: list[str | int] = []
        for condition in self.conditions:
            looked_up = not for_sqlite or led is None or condition.column in led
            column = condition.column if looked_up else f"+{condition.column}"
            conditions.append(condition.template.replace("{}", column))
            parameters.extend(condition.parameters)
        plus = "+" if for_sqlite and not ordered_by_index else ""
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        return where + "ORDER BY " + ", ".join(plus + column for column in _IN_ORDER), parameters

    def _leading_columns(self) -> set[str] | None:
        """The columns to look up, most selective first: a person or request, a station, a day; None: as it comes."""
        equal = {condition.column for condition in self.conditions if condition.is_equality}
        if known := equal.intersection(_COLUMNS.values()):
            return known
        if "station_ae_title" in equal:
            return {"station_ae_title", "start_date"}
        if "start_date" in equal:
            return None
        patterns = {condition.column for condition in self.conditions}.intersection(_COLUMNS.values())
        return patterns or None

    def _add(self, column: str, template: str, *parameters: str | int, is_equality: bool = False) -> None:
        self.conditions.append(Condition(column, template, parameters, is_equality))

    def add_text(self, column: str, key: Key, *, for_sqlite: bool) -> None:
        """Single value, list of values, or wildcards (GLOB, which SQLite compares exactly; LIKE on PostgreSQL)."""
        value = normal_form(key.value, key.representation)
        if is_pattern(key):
            # a trailing caret of a name says nothing: ``NGUYEN^*`` is also the name that is only NGUYEN
            patterns = [value, value.removesuffix(" *")] if value.endswith(" *") else [value]
            operator, form = ("GLOB", _glob) if for_sqlite else ("LIKE", _like)
            alternatives = " OR ".join([f"{{}} {operator} %s"] * len(patterns))
            self._add(column, f"({alternatives})", *map(form, patterns))
            return
        values = [normal_form(single, key.representation) for single in key.value.split("\\")]
        if len(values) == 1:
            self._add(column, "{} = %s", values[0], is_equality=True)
        else:
            self._add(column, f"{{}} IN ({', '.join(['%s'] * len(values))})", *values, is_equality=True)

    def require(self, requirement: Requirement, *, for_sqlite: bool) -> None:
        """Only entries of which ``requirement`` holds."""
        if len(requirement.terms) == 1:
            template, parameters = _term("{}", requirement.terms[0])
            (term,) = requirement.terms
            self._add(term.column, template, *parameters, is_equality=bool(term.values))
            return
        plus = "+" if for_sqlite else ""  # alternatives are nothing to look up by
        parts = [_term(plus + term.column, term) for term in requirement.terms]
        template = " OR ".join(template for template, _ in parts)
        self._add("", f"({template})", *(value for _, values in parts for value in values))

    def add_station(self, key: Key, modalities_of: ModalitiesOf, *, for_sqlite: bool) -> None:
        """A step without a station is for every device of its modality."""
        value = normal_form(key.value, "AE")
        if is_pattern(key) or "\\" in value:
            self.add_text("station_ae_title", key, for_sqlite=for_sqlite)
            return
        self.station = value
        self._add("station_ae_title", "{} IN (%s, '')", value, is_equality=True)
        modalities = modalities_of(value)
        either = f" OR {{}} IN ({_marks(modalities)})" if modalities else ""
        self._add("modality", f"(station_ae_title <> ''{either})", *modalities)

    def add_start(self, item: Keys) -> None:
        """Start date and time; both as ranges are one period (:func:`~ris_core.worklist.rules.combined_range`)."""
        date = _wanted(item.get(SCHEDULED_PROCEDURE_STEP_START_DATE))
        time = _wanted(item.get(SCHEDULED_PROCEDURE_STEP_START_TIME))
        if date and time and is_range(date) and is_range(time):
            period = combined_range(date, time)
            if period.lowest:
                self._add("start_date", "({}, start_time) >= (%s, %s)", period.lowest[:8], period.lowest[8:])
            if period.highest:
                self._add("start_date", "({}, start_time) <= (%s, %s)", period.highest[:8], period.highest[8:])
            return
        if date:
            self._add_interval("start_date", date_interval(date.value))
        if time:
            self._add_interval("start_time", time_interval(time.value))

    def _add_interval(self, column: str, interval: Interval) -> None:
        if interval.lowest and interval.is_single:
            self._add(column, "{} = %s", interval.lowest, is_equality=True)
            return
        if interval.lowest:
            self._add(column, "{} >= %s", interval.lowest)
        if interval.highest:
            self._add(column, "{} <= %s", interval.highest)


ModalitiesOf: TypeAlias = Callable[[str], tuple[str, ...]]
"""The modalities of the active registered device with an AE title."""


def compile_search(
    keys: Keys,
    requirements: Iterable[Requirement] = (),
    *,
    for_sqlite: bool,
    modalities_of: ModalitiesOf = lambda _: (),
) -> Search:
    """The search for ``keys`` among the entries that fulfil ``requirements``.

    :raises InvalidValue: when a date or time key is malformed
    """
    search = Search()
    for requirement in requirements:
        search.require(requirement, for_sqlite=for_sqlite)
    for tag, key in keys.items():
        if key.is_universal:
            continue
        if tag in _COLUMNS:
            search.add_text(_COLUMNS[tag], key, for_sqlite=for_sqlite)
        elif tag == SCHEDULED_PROCEDURE_STEP_SEQUENCE:
            _add_step(search, key.item, modalities_of, for_sqlite=for_sqlite)
        else:
            search.remaining[tag] = key
    return search


def _add_step(search: Search, item: Keys, modalities_of: ModalitiesOf, *, for_sqlite: bool) -> None:
    station, modality = _wanted(item.get(SCHEDULED_STATION_AE_TITLE)), _wanted(item.get(MODALITY))
    if station:
        search.add_station(station, modalities_of, for_sqlite=for_sqlite)
    if modality:
        search.add_text("modality", modality, for_sqlite=for_sqlite)
    search.add_start(item)
    left = {tag: key for tag, key in item.items() if tag not in _IN_COLUMNS_OF_STEP and not key.is_universal}
    if left:
        search.remaining[SCHEDULED_PROCEDURE_STEP_SEQUENCE] = Key("SQ", item=left)


def _term(column: str, term: Term) -> tuple[str, tuple[str | int, ...]]:
    """SQL of a term; ``column`` is its name, a constant of :mod:`ris_core.worklist.eligibility`, or ``{}``."""
    if term.values:
        return f"{column} IN ({_marks(term.values)})", term.values
    ends = [(end, sign) for end, sign in ((term.lowest, ">="), (term.highest, "<=")) if end]
    return " AND ".join(f"{column} {sign} %s" for _, sign in ends), tuple(end for end, _ in ends)


def _marks(values: tuple[str | int, ...]) -> str:
    return ", ".join(["%s"] * len(values))


def _wanted(key: Key | None) -> Key | None:
    return None if key is None or key.is_universal else key


def _glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
