"""What a report template is made of: sections with texts, fields and tables, each perhaps only under a condition."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

import msgspec

from ris_core.errors import InvalidValue
from ris_core.reports.content import Block, Content, Part, Section, clean_block, clean_value

OLDEST_YEARS: Final = 150


@dataclass(frozen=True, slots=True)
class ExamFacts:
    """What conditions are decided by."""

    sex: str = ""
    """DICOM PatientSex: M, F, O; empty: unknown."""
    age_years: int | None = None
    """At the exam; none when the birth date is not known."""
    service_code: str = ""
    modality: str = ""


class When(Part, frozen=True):
    """A condition: all that is given must hold. What is not known of the patient does not hold."""

    sex: Literal["", "M", "F"] = ""
    min_age: int | None = None
    """In completed years, inclusive."""
    max_age: int | None = None
    """In completed years, inclusive."""
    services: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()

    def holds(self, facts: ExamFacts) -> bool:
        age = facts.age_years
        return (
            (not self.sex or facts.sex == self.sex)
            and (self.min_age is None or (age is not None and age >= self.min_age))
            and (self.max_age is None or (age is not None and age <= self.max_age))
            and (not self.services or facts.service_code in self.services)
            and (not self.modalities or facts.modality in self.modalities)
        )

    def checked(self) -> When | None:
        """With values cleaned; none when nothing is asked for.

        :raises InvalidValue: ages that no one can have
        """
        for age in (self.min_age, self.max_age):
            if age is not None and not 0 <= age <= OLDEST_YEARS:
                raise InvalidValue("an age is 0 to 150 years", field="when")
        if self.min_age is not None and self.max_age is not None and self.min_age > self.max_age:
            raise InvalidValue("the lower age is above the upper one", field="when")
        checked = When(
            self.sex,
            self.min_age,
            self.max_age,
            tuple(code for code in map(clean_value, self.services) if code),
            tuple(code for code in map(clean_value, self.modalities) if code),
        )
        return None if checked == When() else checked


class Item(Part, frozen=True):
    """A block of a template: its text, or its field or table with what is suggested in it."""

    block: Block
    when: When | None = None


class TemplateSection(Part, frozen=True):
    """A section of a template."""

    code: str
    title: str = ""
    items: tuple[Item, ...] = ()
    when: When | None = None


class Definition(Part, frozen=True):
    """Everything in one version of a template. Made by :meth:`of`, so that it is always clean and within bounds."""

    sections: tuple[TemplateSection, ...] = ()

    @classmethod
    def of(cls, sections: tuple[TemplateSection, ...]) -> Self:
        """:raises InvalidValue: nothing in it, too much in it, a code malformed or used twice, an impossible age"""
        if not sections:
            raise InvalidValue("a template has at least one section", field="definition")
        whole = tuple(Section(each.code, each.title, tuple(item.block for item in each.items)) for each in sections)
        Content.of(whole)
        return cls(tuple(_checked(section) for section in sections))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """:raises InvalidValue: ``value`` is not the definition of a template"""
        try:
            return cls.of(msgspec.convert(value, cls, strict=True).sections)
        except msgspec.ValidationError as error:
            raise InvalidValue(f"not the definition of a template: {error}", field="definition") from error

    def as_json(self) -> dict[str, Any]:
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def sha256(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def _checked(section: TemplateSection) -> TemplateSection:
    return TemplateSection(
        section.code,
        clean_value(section.title),
        tuple(Item(clean_block(item.block), item.when and item.when.checked()) for item in section.items),
        section.when and section.when.checked(),
    )
