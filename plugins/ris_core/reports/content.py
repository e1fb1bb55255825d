"""What a report says, as typed data: sections of text, fields and tables.

The content is what is kept, compared, hashed and signed; every text of it (on paper, in HL7, in a search) is made from
it by :mod:`ris_core.reports.rendering`. Values stay as they were typed, so that saving a draft never refuses a number
that is not finished; :mod:`ris_core.reports.checks` tells before approval what is missing or wrong.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final, Literal, Self, TypeAlias

import msgspec

from ris_core.errors import InvalidValue

STANDARD_SECTIONS: Final = ("technique", "findings", "conclusion", "recommendation")
"""Sections that every report has, in this order: kỹ thuật, mô tả, kết luận, đề nghị. A template may add others."""

SECTION_MAX_CHARACTERS: Final = 20_000
"""Of one text: about ten printed pages; longer is a paste by mistake and would make the printed report unbounded."""
MOST_SECTIONS: Final = 20
MOST_BLOCKS: Final = 120
"""Of a whole report."""
MOST_OPTIONS: Final = 60
MOST_COLUMNS: Final = 12
MOST_ROWS: Final = 60
MOST_BYTES: Final = 256 * 1024
"""Of the content as canonical JSON."""
VALUE_MAX_CHARACTERS: Final = 500

_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff\ufffe\uffff]")
_BLANK_LINES = re.compile(r"\n{3,}")

FieldKind: TypeAlias = Literal["text", "number", "choice", "choices", "date"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """A part of a report's content; immutable, refuses keys it does not know."""


class Text(Part, frozen=True, tag="text"):
    """Free text with line breaks."""

    text: str = ""


class Field(Part, frozen=True, tag="field"):
    """One value with its name: a measurement, a choice, a date."""

    code: str
    label: str
    kind: FieldKind = "text"
    unit: str = ""
    """As printed, UCUM where there is a code for it: ``mm``, ``ml``, ``%``."""
    options: tuple[str, ...] = ()
    """Of ``choice`` and ``choices``."""
    required: bool = False
    minimum: str = ""
    maximum: str = ""
    """Bounds of a ``number`` beyond which it is taken for a slip of the hand; empty: none."""
    values: tuple[str, ...] = ()
    """As typed: at most one but for ``choices``."""


class Column(Part, frozen=True):
    """A column of a table."""

    label: str
    kind: Literal["text", "number"] = "text"
    unit: str = ""


class Table(Part, frozen=True, tag="table"):
    """Rows of values; the first column names what the row is about."""

    code: str
    columns: tuple[Column, ...]
    title: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


Block: TypeAlias = Text | Field | Table


class Section(Part, frozen=True):
    """A part of the report under its own heading."""

    code: str
    title: str = ""
    """Empty for a standard section under its usual heading."""
    blocks: tuple[Block, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it holds one text and nothing else."""
        return len(self.blocks) == 1 and isinstance(self.blocks[0], Text)


class Content(Part, frozen=True):
    """Everything that a report says. Made by :meth:`of`, so that what is kept is always clean and within bounds."""

    sections: tuple[Section, ...] = ()

    @classmethod
    def of(cls, sections: tuple[Section, ...]) -> Self:
        """``sections`` cleaned, with every standard section in its place and a text in each.

        :raises InvalidValue: too long or too many, a code is malformed or used twice
        """
        content = cls(tuple(_clean_section(section) for section in _with_standard(sections)))
        if len(content.sections) > MOST_SECTIONS or sum(len(each.blocks) for each in content.sections) > MOST_BLOCKS:
            raise InvalidValue("the report has too many parts", field="content")
        _refuse_repeated(section.code for section in content.sections)
        blocks = (block for section in content.sections for block in section.blocks)
        _refuse_repeated(block.code for block in blocks if not isinstance(block, Text))
        if len(content.canonical_bytes()) > MOST_BYTES:
            raise InvalidValue(f"a report has at most {MOST_BYTES} bytes", field="content")
        return content

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """:raises InvalidValue: ``value`` is not a report's content"""
        try:
            return cls.of(msgspec.convert(value, cls, strict=True).sections)
        except msgspec.ValidationError as error:
            raise InvalidValue(f"not the content of a report: {error}", field="content") from error

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, for a JSON column or an answer."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def section(self, code: str) -> Section | None:
        return next((section for section in self.sections if section.code == code), None)

    def canonical_bytes(self) -> bytes:
        """The content as it is hashed: JSON in UTF-8 with sorted keys, no spaces, defaults left out."""
        return msgspec.json.encode(self, order="sorted")


def plain_content(technique: str = "", findings: str = "", conclusion: str = "", recommendation: str = "") -> Content:
    """A report of the four standard sections with text alone.

    :raises InvalidValue: a text is too long
    """
    texts = (technique, findings, conclusion, recommendation)
    return Content.of(
        tuple(Section(code, blocks=(Text(text),)) for code, text in zip(STANDARD_SECTIONS, texts, strict=True))
    )


def clean_text(text: str) -> str:
    """A text as it is kept: plain text in Unicode NFC, lines ended by LF, no control characters.

    A report is plain text on purpose: what was approved is word for word what is printed, archived and sent in HL7.

    :raises InvalidValue: longer than :data:`SECTION_MAX_CHARACTERS`
    """
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    normal = "".join(c for c in _UNPRINTABLE.sub("", normal) if not 0xD800 <= ord(c) <= 0xDFFF)
    *lines, last = normal.split("\n")  # line by line: an expression would look for the end of each blank anew
    normal = "\n".join([*(line.rstrip(" \t") for line in lines), last])
    normal = _BLANK_LINES.sub("\n\n", normal).strip("\n").rstrip()
    if len(normal) > SECTION_MAX_CHARACTERS:
        raise InvalidValue(f"a text of a report has at most {SECTION_MAX_CHARACTERS} characters", field="content")
    return normal


def clean_value(text: str) -> str:
    """A value as it is kept: :func:`clean_text` on one line.

    :raises InvalidValue: longer than :data:`VALUE_MAX_CHARACTERS`
    """
    value = " ".join(clean_text(text).split())
    if len(value) > VALUE_MAX_CHARACTERS:
        raise InvalidValue(f"a value has at most {VALUE_MAX_CHARACTERS} characters", field="content")
    return value


def clean_block(block: Block) -> Block:
    """``block`` with every text in it cleaned.

    :raises InvalidValue: beyond a bound, or its code is malformed
    """
    if isinstance(block, Text):
        return Text(clean_text(block.text))
    if isinstance(block, Field):
        return _clean_field(block)
    return _clean_table(block)


def _clean_field(field: Field) -> Field:
    if len(field.options) > MOST_OPTIONS:
        raise InvalidValue(f"a field has at most {MOST_OPTIONS} options", field="content")
    values = tuple(dict.fromkeys(value for value in map(clean_value, field.values) if value))
    return msgspec.structs.replace(
        field,
        code=checked_code(field.code),
        label=clean_value(field.label),
        unit=clean_value(field.unit),
        options=tuple(dict.fromkeys(option for option in map(clean_value, field.options) if option)),
        minimum=clean_value(field.minimum),
        maximum=clean_value(field.maximum),
        values=values[:MOST_OPTIONS] if field.kind == "choices" else values[:1],
    )


def _clean_table(table: Table) -> Table:
    width = len(table.columns)
    if not 1 <= width <= MOST_COLUMNS or len(table.rows) > MOST_ROWS:
        raise InvalidValue(f"a table has 1 to {MOST_COLUMNS} columns, at most {MOST_ROWS} rows", field="content")
    columns = (Column(clean_value(each.label), each.kind, clean_value(each.unit)) for each in table.columns)
    rows = (tuple(map(clean_value, row[:width])) + ("",) * (width - len(row)) for row in table.rows)
    return Table(checked_code(table.code), tuple(columns), clean_value(table.title), tuple(rows))


def _clean_section(section: Section) -> Section:
    blocks = tuple(map(clean_block, section.blocks))
    if not any(isinstance(block, Text) for block in blocks):
        blocks = (*blocks, Text())
    return Section(checked_code(section.code), clean_value(section.title), blocks)


def _with_standard(sections: tuple[Section, ...]) -> list[Section]:
    """``sections`` with every standard section that is missing put after the one it follows."""
    result = list(sections)
    after = 0
    for code in STANDARD_SECTIONS:
        place = next((at for at, section in enumerate(result) if section.code == code), None)
        if place is None:
            result.insert(after, Section(code))
            place = after
        after = place + 1
    return result


def checked_code(code: str) -> str:
    """:raises InvalidValue: not a lower-case letter followed by at most 31 letters, digits or underscores"""
    if not _CODE.fullmatch(code):
        raise InvalidValue(f"not a code of a report's part: {code[:40]!r}", field="content")
    return code


def _refuse_repeated(codes: Any) -> None:
    seen: set[str] = set()
    for code in codes:
        if code in seen:
            raise InvalidValue(f"the code {code} is used twice", field="content")
        seen.add(code)
