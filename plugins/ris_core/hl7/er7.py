"""ER7 messages read lazily: segments are split at once, fields and components when they are asked for.

Tolerant of what senders do: any separators, segments ended by CR, LF or CRLF, blank lines, a short MSH-2, wrong or
missing MSH-18. Text is unescaped when it is read, never before it is split, so that data cannot become structure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ris_core.errors import InvalidValue
from ris_core.hl7.charsets import Decoded, declared_set, decode
from ris_core.hl7.separators import Separators

NULL: Final = '""'
"""A field that holds this is to be deleted; one that is empty is to be left as it is (HL7 2.5.1 §2.5.3)."""

_LINE_ENDS = re.compile(r"[\r\n]+")
_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
_HEADERS = ("MSH", "FHS", "BHS")


class Segment:
    """One segment of a message; positions are those of the standard, from 1 (MSH-1 is the field separator)."""

    __slots__ = ("_charset", "_separators", "fields", "name", "sequence")

    def __init__(self, line: str, separators: Separators, charset: str, sequence: int) -> None:
        fields = line.split(separators.field)
        self.name = fields[0].strip()
        self.sequence = sequence
        """Which segment of its name this is, from 1: ERL-2."""
        self.fields = [self.name, separators.field, *fields[1:]] if self.name in _HEADERS else fields
        """Undecoded; ``fields[5]`` is field 5."""
        self._separators = separators
        self._charset = charset

    def raw(self, field: int) -> str:
        """Field ``field`` as it was sent, without blanks around it; empty when it is absent."""
        return self.fields[field].strip() if field < len(self.fields) else ""

    def repetitions(self, field: int) -> list[str]:
        """The undecoded repetitions of a field that are not empty."""
        raw = self.raw(field)
        if not raw:
            return []
        return [repetition for repetition in raw.split(self._separators.repetition) if repetition.strip()]

    def components(self, repetition: str) -> list[str]:
        """The text of each component of an undecoded repetition; of a component with subcomponents, the first."""
        separators = self._separators
        return [self._text(part.split(separators.subcomponent)[0]) for part in repetition.split(separators.component)]

    def subcomponents(self, repetition: str, component: int) -> list[str]:
        """The text of each subcomponent of component ``component`` (from 1) of an undecoded repetition."""
        parts = repetition.split(self._separators.component)
        if component > len(parts):
            return []
        return [self._text(part) for part in parts[component - 1].split(self._separators.subcomponent)]

    def value(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        """The text of one subcomponent of a field's first repetition; empty when absent or null (``""``)."""
        fields = self.fields
        raw = fields[field] if field < len(fields) else ""
        if not raw or raw == NULL:  # most fields of most messages: this runs some fifty times an order
            return ""
        separators = self._separators
        parts = raw.split(separators.repetition, 1)[0].split(separators.component)
        if component > len(parts):
            return ""
        part = parts[component - 1]
        if subcomponent > 1 or separators.subcomponent in part:
            parts = part.split(separators.subcomponent)
            part = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
        text = self._text(part)
        return "" if text == NULL else text

    def text(self, field: int) -> str:
        """All of a field as one text, its components and repetitions as they stand: for free text (ST, FT, TX)."""
        raw = self.raw(field)
        return "" if raw == NULL else self._text(raw)

    def given(self, field: int, component: int = 1) -> str | None:
        """Like :meth:`value`, but none when the field says nothing: an empty text then means "delete it"."""
        text = self.value(field, component)
        return text if text or self.raw(field) == NULL else None

    def _text(self, data: str) -> str:
        data = data.strip()
        if self._separators.escape not in data:
            return data
        return self._separators.unescaped(data, self._charset).strip()


class Message:
    """One message: its segments in order, its separators and character set."""

    __slots__ = ("charset", "header", "segments", "separators")

    def __init__(self, segments: list[Segment], separators: Separators, charset: Decoded) -> None:
        self.segments = segments
        self.separators = separators
        self.charset = charset
        self.header = segments[0]

    @classmethod
    def parse(cls, raw: bytes, undeclared_charset: str = "utf-8", declared: str | None = None) -> Message:
        """The message in ``raw``, the bytes of one frame.

        :param declared: what MSH-18 should say; none when what it says is to be believed
        :raises InvalidValue: when it does not begin with MSH, or MSH-1, MSH-2 or MSH-18 are wrong
        """
        decoded = decode(raw, _declared_charset(raw) if declared is None else declared, undeclared_charset)
        text = decoded.text.lstrip("\ufeff \t\r\n").replace("\0", "")  # padding that no database can hold
        lines = [line for line in _LINE_ENDS.split(text) if line.strip()]
        if lines and lines[0].lstrip()[:1] in ("<", "{"):
            raise InvalidValue(
                "this is XML or JSON (HL7 version 3, CDA, FHIR); only HL7 version 2 with separators is taken here",
                field="MSH",
            )
        if not lines or not lines[0].startswith("MSH"):
            raise InvalidValue("the message does not begin with an MSH segment", field="MSH")
        separators = Separators.of_header(lines[0])
        counts: dict[str, int] = {}
        segments = []
        for line in _segment_lines(lines, separators.field):
            name = line[:3]
            counts[name] = counts.get(name, 0) + 1
            segments.append(Segment(line, separators, decoded.codec, counts[name]))
        return cls(segments, separators, decoded)

    def first(self, name: str) -> Segment | None:
        """The first segment called ``name``."""
        for segment in self.segments:
            if segment.name == name:
                return segment
        return None

    def all(self, name: str) -> Iterator[Segment]:
        """Every segment called ``name``."""
        return (segment for segment in self.segments if segment.name == name)

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.value(10)

    @property
    def sender(self) -> str:
        """``MSH-3|MSH-4``: with MSH-10 the identity of a message."""
        return f"{self.header.value(3)}|{self.header.value(4)}"

    @property
    def type(self) -> str:
        """``MSH-9.1^MSH-9.2``, or MSH-9.1 alone when there is no trigger event (HL7 2.1)."""
        code, event = self.header.value(9), self.header.value(9, 2)
        return f"{code}^{event}" if event else code

    @property
    def version(self) -> str:
        """MSH-12."""
        return self.header.value(12)


def _segment_lines(lines: list[str], field: str) -> list[str]:
    """Each segment as one line: some senders leave line breaks in free text, what follows one begins no segment."""
    joined: list[list[str]] = []
    for line in lines:
        if not joined or (_SEGMENT_NAME.match(line) and (len(line) == 3 or line[3] == field or line[3:].isspace())):
            joined.append([line])
        else:
            joined[-1].append(line)
    return ["\n".join(parts) for parts in joined]


def _declared_charset(raw: bytes) -> str:
    """MSH-18, read before the character set is known: MSH is ASCII up to there in every set."""
    header = re.split(rb"[\r\n]", raw.lstrip(b"\xef\xbb\xbf\r\n "), maxsplit=1)[0]
    if len(header) < 9:
        return ""
    fields = header.split(header[3:4])
    if len(fields) < 18:
        return ""
    repetition = header[5:6] if len(fields[1]) > 1 else b"~"
    return declared_set([one.decode("ascii", "replace").strip() for one in fields[17].split(repetition)])


def split_batch(raw: bytes) -> list[bytes]:
    """The messages of a frame, each from its MSH to before the next; batch and file segments are left out.

    A frame without any MSH is answered as it is, so that it is refused and kept like any other wrong message.
    """
    starts = [match.start(1) for match in re.finditer(rb"(?:^|[\r\n])[ \t]*(MSH[^\w\s])", raw)]
    if len(starts) < 2 and not raw.lstrip().startswith((b"FHS", b"BHS")):
        return [raw]
    if not starts:
        return [raw]
    messages = [raw[start:end] for start, end in zip(starts, [*starts[1:], len(raw)], strict=True)]
    return [re.split(rb"[\r\n](?=BTS|FTS|BHS|FHS)", message, maxsplit=1)[0] for message in messages]


def body(raw: bytes) -> bytes:
    """Everything after the first segment, without line ends around it: what a resend has in common with the first."""
    parts = re.split(rb"[\r\n]+", raw.strip(b"\r\n"), maxsplit=1)
    return parts[1] if len(parts) > 1 else b""
