"""Putting a template into a draft: what its conditions let through fills what is empty and leaves what was written."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ris_core.reports.content import STANDARD_SECTIONS, Block, Content, Section, Text
from ris_core.reports.definition import Definition, ExamFacts, When
from ris_core.reports.rendering import section_text


def suggested(definition: Definition, facts: ExamFacts) -> tuple[Section, ...]:
    """The sections that a template has for an exam, each block under its condition; neighbouring texts become one."""
    return tuple(
        Section(section.code, section.title, _joined(item.block for item in section.items if _holds(item.when, facts)))
        for section in definition.sections
        if _holds(section.when, facts)
    )


def filled(
    present: Content, definition: Definition, facts: ExamFacts, replace: frozenset[str] = frozenset()
) -> tuple[Content, tuple[str, ...]]:
    """``present`` with its empty sections, and those named by ``replace``, taken from a template.

    :returns: the content, and the codes of sections that hold other text and were left as they are
    """
    offered = suggested(definition, facts)
    result: list[Section] = []
    kept: list[str] = []
    for section in offered:
        there = present.section(section.code)
        if there is None or not section_text(there) or section.code in replace:
            result.append(section)
            continue
        result.append(there)
        if section_text(section) not in ("", section_text(there)):
            kept.append(section.code)
    names = {section.code for section in offered}
    for section in present.sections:
        if section.code not in names and section_text(section):
            result.insert(_place(result, section.code), section)
    return Content.of(_with_codes_apart(result)), tuple(kept)


def _holds(condition: When | None, facts: ExamFacts) -> bool:
    return condition is None or condition.holds(facts)


def _joined(blocks: Iterable[Block]) -> tuple[Block, ...]:
    result: list[Block] = []
    for block in blocks:
        if isinstance(block, Text) and result and isinstance(result[-1], Text):
            result[-1] = Text(f"{result[-1].text}\n{block.text}")
        else:
            result.append(block)
    return tuple(result)


def _place(sections: list[Section], code: str) -> int:
    """Where a section that the template has not goes: a standard one after the one it usually follows, others last."""
    if code not in STANDARD_SECTIONS:
        return len(sections)
    before = STANDARD_SECTIONS[: STANDARD_SECTIONS.index(code)]
    places = [at for at, section in enumerate(sections) if section.code in before]
    return max(places) + 1 if places else 0


def _with_codes_apart(sections: list[Section]) -> tuple[Section, ...]:
    """Fields and tables of a template get another code where a section that stayed has the same already."""
    used: set[str] = set()

    def apart(block: Block) -> Block:
        if isinstance(block, Text):
            return block
        code, number = block.code, 2
        while code in used:
            code, number = f"{block.code[:28]}_{number}", number + 1
        used.add(code)
        return msgspec.structs.replace(block, code=code)

    return tuple(Section(each.code, each.title, tuple(map(apart, each.blocks))) for each in sections)
