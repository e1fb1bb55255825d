"""Word-by-word differences between two texts of a report section, for conflicts and for the history of versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from ris_core.reports.content import Content
from ris_core.reports.rendering import texts_of, titles_of
from ris_webapp.screens.reading.headings import usual_headings

Change = Literal["same", "added", "removed"]

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text that both sides have, or only the newer (added), or only the older (removed)."""

    change: Change
    text: str


def word_differences(older: str, newer: str) -> list[Segment]:
    """``newer`` against ``older`` by words; joining all but the removed segments gives ``newer`` back.

    What was removed stands before what replaced it.
    """
    before, after = _TOKENS.findall(older), _TOKENS.findall(newer)
    return list(_merged(_segments(before, after)))


def _segments(before: list[str], after: list[str]) -> Iterator[Segment]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for operation, i1, i2, j1, j2 in matcher.get_opcodes():
        if operation == "equal":
            yield Segment("same", "".join(after[j1:j2]))
            continue
        if i2 > i1:
            yield Segment("removed", "".join(before[i1:i2]))
        if j2 > j1:
            yield Segment("added", "".join(after[j1:j2]))


def _merged(segments: Iterator[Segment]) -> Iterator[Segment]:
    """Neighbouring replacements that only a space parts read better as one replacement."""
    removed, added = "", ""
    pending = ""
    for segment in segments:
        if segment.change == "same" and segment.text.isspace() and "\n" not in segment.text and (removed or added):
            pending = segment.text
            continue
        if segment.change == "same":
            yield from _flush(removed, added)
            if pending:
                yield Segment("same", pending)
            removed, added, pending = "", "", ""
            yield segment
            continue
        if pending:
            removed, added, pending = removed + pending, added + pending, ""
        if segment.change == "removed":
            removed += segment.text
        else:
            added += segment.text
    yield from _flush(removed, added)
    if pending:
        yield Segment("same", pending)


def _flush(removed: str, added: str) -> Iterator[Segment]:
    if removed.strip() or (removed and not added):
        yield Segment("removed", removed)
    if added:
        yield Segment("added", added)


@dataclass(frozen=True, slots=True)
class SectionDifference:
    """How one section differs."""

    section: str
    title: str
    segments: tuple[Segment, ...]
    changed: bool


def section_differences(older: Content, newer: Content) -> list[SectionDifference]:
    """All sections that either side has text in: the newer's in their order, then those that only the older has."""
    before, after = texts_of(older), texts_of(newer)
    titles = {**titles_of(older, usual_headings()), **titles_of(newer, usual_headings())}
    found = []
    for section in dict.fromkeys((*after, *before)):
        old, new = before.get(section, ""), after.get(section, "")
        if old or new:
            segments = tuple(word_differences(old, new))
            found.append(SectionDifference(section, titles.get(section, section), segments, old != new))
    return found


def against(theirs: Content, mine: Content) -> dict[str, Any]:
    """``theirs`` as the page's scripts take it, with how ``mine`` differs from it."""
    return {
        "content": theirs.as_json(),
        "texts": texts_of(theirs),
        "differences": [asdict(difference) for difference in section_differences(theirs, mine)],
    }
