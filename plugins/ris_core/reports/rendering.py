"""A report's content as plain text: the one way in which fields and tables become words, for every use of them."""

from __future__ import annotations

from collections.abc import Mapping

from ris_core.reports.content import STANDARD_SECTIONS, Block, Content, Field, Section, Table, Text


def shown_value(field: Field) -> str:
    """A field's value with its unit: ``12,5 mm``; choices joined by commas; empty when nothing was entered."""
    value = ", ".join(field.values)
    return f"{value} {field.unit}" if value and field.unit else value


def filled_rows(table: Table) -> tuple[tuple[str, ...], ...]:
    """The rows in which something was entered beside the name of the row."""
    return tuple(row for row in table.rows if any(row[1:]) or (len(row) == 1 and row[0]))


def block_text(block: Block) -> str:
    """One block in lines; empty when nothing was entered."""
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Field):
        value = shown_value(block)
        return (f"- {block.label}: {value}" if block.label else f"- {value}") if value else ""
    lines = [_row_text(block, row) for row in filled_rows(block)]
    return "\n".join([f"{block.title}:", *lines] if block.title and lines else lines)


def _row_text(table: Table, row: tuple[str, ...]) -> str:
    cells = [
        f"{column.label} {value} {column.unit}".strip()
        for column, value in zip(table.columns[1:], row[1:], strict=True)
        if value
    ]
    return f"- {row[0]}: {'; '.join(cells)}" if row[0] and cells else f"- {row[0] or '; '.join(cells)}"


def section_text(section: Section) -> str:
    """A section in lines, without its heading."""
    return "\n".join(text for block in section.blocks if (text := block_text(block)))


def texts_of(content: Content) -> dict[str, str]:
    """The text of each section by its code, in the report's order; standard sections are always there."""
    texts = {section.code: section_text(section) for section in content.sections}
    return texts if content.sections else dict.fromkeys(STANDARD_SECTIONS, "")


def titles_of(content: Content, usual: Mapping[str, str]) -> dict[str, str]:
    """The heading of each section by its code: its own, else the usual one of a standard section, else the code."""
    return {
        section.code: section.title or usual.get(section.code, section.code.capitalize())
        for section in content.sections
    }


def plain_text(content: Content, usual: Mapping[str, str]) -> str:
    """The whole report as text, each section with something in it under its heading."""
    titles, texts = titles_of(content, usual), texts_of(content)
    return "\n\n".join(f"{titles[code].upper()}\n{text}" for code, text in texts.items() if text)
