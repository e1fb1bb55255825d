"""The hospital's policy of automatic linking, as data: weights, bounds, and where devices carry the exam key.

Pure. Every version is kept (:mod:`ris_core.matching.services`). What no policy can switch off is code: an identity
that contradicts, a tie and a doubt about the patient always go to a person (:mod:`ris_core.matching.scoring`).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from ris_core.errors import InvalidValue
from ris_core.patterns import check_pattern

WEIGHTS: Final[dict[str, int]] = {
    "ExamKey.TYPING_ERROR": 45,
    "AccessionNumber.TYPING_ERROR": 20,
    "PatientID.EQUAL": 40,
    "PatientID.FORMAT": 36,
    "PatientID.ELSEWHERE": 36,
    "PatientID.TYPING_ERROR": 22,
    "PatientID.CONTRADICTS": -15,
    "PatientName.EQUAL": 25,
    "PatientName.TYPING_ERROR": 18,
    "PatientName.PARTIAL": 6,
    "PatientName.DIFFERENT": -30,
    "PatientBirthDate.EQUAL": 20,
    "PatientBirthDate.SWAPPED": 12,
    "PatientBirthDate.TYPING_ERROR": 6,
    "PatientBirthDate.PARTIAL": 6,
    "PatientBirthDate.CONTRADICTS": -25,
    "PatientSex.EQUAL": 3,
    "PatientSex.CONTRADICTS": -25,
    "Modality.EQUAL": 12,
    "Modality.DIFFERENT": -20,
    "Device.EQUAL": 8,
    "Device.ROOM": 5,
    "Device.DIFFERENT": -4,
    "Time.NEAR": 10,
    "Time.SAME_DAY": 7,
    "Time.SAME_WEEK": -3,
    "Time.DIFFERENT": -15,
    "BodyPart.EQUAL": 8,
    "BodyPart.DIFFERENT": -10,
    "State.DIFFERENT": -12,
}
"""What each finding adds, by field and nuance (or verdict, without one); what is not named adds nothing."""

KeyMeaning = Literal[
    "EXAM_KEY", "ACCESSION_NUMBER", "PLACER_ORDER_NUMBER", "FILLER_ORDER_NUMBER", "REQUESTED_PROCEDURE_ID"
]
KEY_TAGS: Final[dict[str, str]] = {
    "00100020": "PatientID",
    "00080050": "AccessionNumber",
    "00104000": "PatientComments",
    "00101000": "OtherPatientIDs",
    "00200010": "StudyID",
    "00081030": "StudyDescription",
    "00204000": "ImageComments",
    "00080090": "ReferringPhysicianName",
    "00100010": "PatientName",
}
"""Attributes in which a rule may look for the key."""


class KeyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a device carries the key of an exam, and what the key is."""

    tag: str
    """Eight hexadecimal digits, one of :data:`KEY_TAGS`."""
    means: KeyMeaning = "EXAM_KEY"
    """Our own key, or the number of the HIS that is printed on its slip."""
    ae_title: str = ""
    """Of this device only; empty: of all."""
    modality: str = ""
    """Of this modality only; empty: of all."""
    pattern: str = ""
    """Regular expression whose first group (else the whole match) is the number; needed for the HIS's own."""

    def __post_init__(self) -> None:
        if self.tag not in KEY_TAGS:
            raise InvalidValue(f"no key can be in {self.tag}; use one of {', '.join(KEY_TAGS)}", field="tag")
        if self.means != "EXAM_KEY" and not self.pattern:
            raise InvalidValue("say by a pattern how the number of the HIS looks, as ^PL(\\d{8})$", field="pattern")
        check_pattern(self.pattern, "pattern")

    def applies_to(self, sender: str, modalities: tuple[str, ...]) -> bool:
        return self.ae_title in ("", sender) and (not self.modality or self.modality in modalities)


DEFAULT_KEY_RULES: Final = tuple(KeyRule(tag=tag) for tag in KEY_TAGS if tag not in ("00100010", "00080090"))


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be configured about linking."""

    automatic: bool = True
    """Off: scored candidates are only suggested; exact numbers and keys still link."""
    upper: int = 90
    """From this score on a candidate that is alone, and whose patient is not in doubt, is linked."""
    lower: int = 20
    """Below this score a candidate is not shown."""
    margin: int = 20
    """By so much the best must lead the second; less is a tie."""
    near_hours: int = 3
    same_day_hours: int = 14
    """At most a day: only what was planned for it is linked by score."""
    open_days: int = 7
    """Within so many days of the planned time an exam is expected."""
    weights: dict[str, int] = msgspec.field(default_factory=lambda: dict(WEIGHTS))
    key_rules: tuple[KeyRule, ...] = DEFAULT_KEY_RULES

    def __post_init__(self) -> None:
        unknown = sorted(set(self.weights) - set(WEIGHTS))
        if unknown:
            raise InvalidValue(f"there is no weight {', '.join(unknown)}", field="weights")
        if any(not -100 <= weight <= 100 for weight in self.weights.values()):
            raise InvalidValue("a weight is a number from -100 to 100", field="weights")
        if not 0 < self.lower <= self.upper <= 300:
            raise InvalidValue("the bounds must be 0 < lower <= upper <= 300", field="upper")
        if not 5 <= self.margin <= 100:
            raise InvalidValue("the margin is a number from 5 to 100", field="margin")
        if not 0 < self.near_hours <= self.same_day_hours <= 24 or not 1 <= self.open_days <= 90:
            raise InvalidValue(
                "near and same day must be growing spans of at most 24 hours, open 1 to 90 days", field="near_hours"
            )
        if len(self.key_rules) > 100:
            raise InvalidValue("at most 100 key rules", field="key_rules")

    def points(self, finding: str) -> int:
        """Of a finding as ``PatientID.EQUAL``; one that this version does not name has its default."""
        return self.weights.get(finding, WEIGHTS.get(finding, 0))

    def as_json(self) -> dict[str, Any]:
        content: dict[str, Any] = msgspec.to_builtins(self)
        return content


DEFAULT_POLICY: Final = Policy()


def policy_from_json(content: object) -> Policy:
    """:raises InvalidValue: naming what is wrong"""
    try:
        return msgspec.convert(content, Policy)
    except msgspec.ValidationError as error:
        raise InvalidValue(f"not a policy of linking: {error}", field="policy") from error
