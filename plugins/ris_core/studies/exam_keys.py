"""Exam keys in received headers: found by the policy's rules, and resolved to requested procedures."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ris_core.matching.evidence import ReceivedStudy
from ris_core.matching.keys import corrected_keys, keys_in, procedure_of_key
from ris_core.matching.patient_ids import possible_ids
from ris_core.matching.policy import KEY_TAGS, KeyRule, Policy
from ris_core.orders.models import RequestedProcedure
from ris_core.patterns import pattern
from ris_core.studies.received import Header

_LONGEST_TEXT: Final = 512
_COLUMNS: Final = {
    "ACCESSION_NUMBER": ("request__accession_number", "request__sent_accession_number"),
    "PLACER_ORDER_NUMBER": ("placer_order_number",),
    "FILLER_ORDER_NUMBER": ("filler_order_number",),
    "REQUESTED_PROCEDURE_ID": ("requested_procedure_id",),
}
_NUMBERS: Final = {"00100020": "patient_id", "00080050": "accession_number"}
"""Attributes that hold a number of their own when they do not hold a key."""


def with_keys(study: ReceivedStudy, header: Header, policy: Policy) -> ReceivedStudy:
    """``study`` with the procedures whose key its device wrote into one of the policy's places.

    A field that holds a key is no longer the number that it otherwise would be. Everything else that might be an
    identifier of the patient and stands in the wrong place becomes one of ``other_ids``.
    """
    keyed: set[int] = set()
    checked: set[int] = set()
    nearly: set[int] = set()
    texts: list[str] = []
    freed: set[str] = set()
    for rule in policy.key_rules:
        text = header.text(rule.tag)[:_LONGEST_TEXT]
        if not text or not rule.applies_to(study.sender, study.modalities):
            continue
        found = _named_by(rule, text)
        close = frozenset[int]() if found or rule.means != "EXAM_KEY" else _existing(corrected_keys(text))
        if found or close:
            keyed |= found
            checked |= found if rule.means == "EXAM_KEY" else frozenset()
            nearly |= close
            texts.append(text)
            if rule.tag in _NUMBERS and rule.means == "EXAM_KEY":
                freed.add(_NUMBERS[rule.tag])
    others = [
        word for tag in KEY_TAGS if tag not in _NUMBERS for word in possible_ids(header.text(tag)) if word not in texts
    ]
    if study.accession_number and "accession_number" not in freed:
        others.append(study.accession_number)
    return replace(
        study,
        patient_id="" if "patient_id" in freed else study.patient_id,
        accession_number="" if "accession_number" in freed else study.accession_number,
        key_text=" / ".join(dict.fromkeys(texts)),
        keyed=frozenset(keyed),
        keyed_unchecked=frozenset(keyed - checked),
        nearly_keyed=frozenset(nearly - keyed),
        other_ids=tuple(dict.fromkeys(others)),
    )


def _named_by(rule: KeyRule, text: str) -> frozenset[int]:
    if rule.pattern:
        found = pattern(rule.pattern).search(text)
        if found is None:
            return frozenset()
        text = found.group
    if rule.means == "EXAM_KEY":
        return _existing(keys_in(text))
    rows: set[int] = set()
    for column in _COLUMNS[rule.means]:
        if text:
            rows.update(RequestedProcedure.objects.filter(**{column: text}).values_list("pk", flat=True)[:10])
    return frozenset(rows)


def _existing(keys: frozenset[str]) -> frozenset[int]:
    """Those of our keys that a procedure has."""
    ids = [found for key in keys if (found := procedure_of_key(key)) is not None]
    if not ids:
        return frozenset()
    return frozenset(RequestedProcedure.objects.filter(pk__in=ids).values_list("pk", flat=True))
