"""Report templates of others: IHE RAD MRRT (HTML5, TF-1 Rev. 1.0) read into a definition. Pure.

What a page may hold is cut to a list of elements first (nh3), so that nothing of its scripts, styles or links remains;
the rest is read as text, never shown as HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

import nh3

from ris_core.errors import InvalidValue
from ris_core.names import folded
from ris_core.reports.content import Field, FieldKind, Text
from ris_core.reports.definition import Definition, Item, TemplateSection

MOST_BYTES: Final = 512 * 1024

_TAGS: Final = {
    "section", "header", "p", "br", "div", "span", "label", "input", "select", "option", "textarea", "h1", "h2", "h3",
    "h4", "table", "thead", "tbody", "tr", "td", "th", "ul", "ol", "li", "title", "meta", "b", "i", "strong", "em",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "section": {"id", "data-section-name"},
    "label": {"for"},
    "input": {
        "id",
        "name",
        "type",
        "value",
        "min",
        "max",
        "checked",
        "data-field-units",
        "data-field-completion-action",
    },
    "select": {"id", "name", "multiple", "data-field-completion-action"},
    "option": {"value", "selected"},
    "textarea": {"id", "name", "data-field-completion-action"},
    "meta": {"name", "content"},
}
_STANDARD: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("procedure", "technique", "ky thuat", "procedure information"), "technique"),
    (("finding", "mo ta", "observation"), "findings"),
    (("impression", "conclusion", "ket luan", "summary"), "conclusion"),
    (("recommendation", "de nghi", "follow"), "recommendation"),
)
"""Beginnings of section names, in any language that templates are written in here, and what they are here."""


@dataclass(frozen=True, slots=True)
class ImportedTemplate:
    """What was read of an MRRT template."""

    title: str
    definition: Definition


def read_mrrt(data: bytes) -> ImportedTemplate:
    """The template in an MRRT file.

    :raises InvalidValue: too large, not UTF-8, without any section, or beyond the bounds of a report
    """
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"a template file has at most {MOST_BYTES} bytes", field="file")
    try:
        html = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValue("the file is not UTF-8", field="file") from error
    title = re.search(r"<title[^>]*>([^<]{1,255})</title>", html, re.IGNORECASE)
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags={"script", "style"},
        link_rel=None,
        url_schemes=set(),
    )
    reader = _Reader()
    reader.feed(clean)
    reader.close()
    if not reader.sections:
        raise InvalidValue("the file has no section of a report template (MRRT)", field="file")
    return ImportedTemplate(title[1].strip() if title else "", Definition.of(tuple(_built(reader.sections))))


@dataclass
class _Section:
    name: str
    parts: list[Text | dict[str, Any]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects sections with their words and inputs; nested sections become sections of their own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections: list[_Section] = []
        self._open: list[_Section] = []
        self._labels: dict[str, str] = {}
        self._words: list[str] = []
        self._label_for: str | None = None
        self._select: dict[str, Any] | None = None
        self._option: dict[str, str | None] | None = None
        self._area: str | None = None
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "section":
            self._flush()
            section = _Section(values.get("data-section-name") or "")
            self.sections.append(section)
            self._open.append(section)
        elif tag == "header":
            self._flush()
            self._heading = True
        elif tag == "label":
            self._flush()
            self._label_for = values.get("for") or ""
        elif tag == "input":
            self._input(values)
        elif tag == "select":
            self._flush()
            many = "multiple" in values
            self._select = {
                "id": values.get("id"),
                "kind": "choices" if many else "choice",
                "options": [],
                "values": [],
            }
        elif tag == "option":
            self._option = values
            self._words = []
        elif tag == "textarea":
            self._flush()
            self._area = values.get("id") or ""
        elif tag in ("br", "p", "div", "tr", "li"):
            self._words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section" and self._open:
            self._flush()
            self._open.pop()
        elif tag == "header":
            name = self._taken()
            if self._open and not self._open[-1].name:
                self._open[-1].name = name
            self._heading = False
        elif tag == "label" and self._label_for is not None:
            self._labels[self._label_for] = self._taken()
            self._label_for = None
        elif tag == "option" and self._select is not None:
            text = self._taken()
            if text:
                self._select["options"].append(text)
                if self._option is not None and "selected" in self._option:
                    self._select["values"].append(text)
        elif tag == "select" and self._select is not None:
            self._add(self._select)
            self._select = None
        elif tag == "textarea" and self._area is not None:
            text, label = self._taken(), self._labels.pop(self._area, "")
            self._add(Text(f"{label}: {text or '[  ]'}" if label else text or "[  ]"))
            self._area = None
        elif tag in ("p", "div", "tr", "li"):
            self._words.append("\n")
        elif tag in ("td", "th"):
            self._words.append(" ")

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def _input(self, values: dict[str, str | None]) -> None:
        self._flush()
        kind = (values.get("type") or "text").lower()
        if kind in ("hidden", "button", "submit", "reset", "image", "file", "password"):
            return
        kinds: dict[str, FieldKind] = {"number": "number", "date": "date", "checkbox": "choice", "radio": "choice"}
        value = values.get("value") or ""
        part: dict[str, Any] = {
            "id": values.get("id"),
            "kind": kinds.get(kind, "text"),
            "values": [value] if value else [],
        }
        if kind in ("checkbox", "radio"):
            part |= {"options": ["có", "không"], "values": ["có"] if "checked" in values else []}
        if kind == "number":
            part |= {"minimum": values.get("min") or "", "maximum": values.get("max") or ""}
        part["unit"] = values.get("data-field-units") or ""
        self._add(part)

    def _add(self, part: Text | dict[str, Any]) -> None:
        if self._open:
            self._open[-1].parts.append(part if isinstance(part, Text) else {**part, "label": self._label(part)})

    def _label(self, part: dict[str, Any]) -> str:
        return self._labels.get(part.get("id") or "", "")

    def _taken(self) -> str:
        text = "".join(self._words)
        self._words = []
        return "\n".join(line for each in text.split("\n") if (line := " ".join(each.split())))

    def _flush(self) -> None:
        text = self._taken()
        if text and not self._heading and self._label_for is None and self._select is None:
            self._add(Text(text))


def _built(sections: list[_Section]) -> list[TemplateSection]:
    result: list[TemplateSection] = []
    used: set[str] = set()
    number = 0
    for section in sections:
        if not section.parts:
            continue
        items = []
        for part in section.parts:
            if isinstance(part, Text):
                items.append(Item(part))
                continue
            number += 1
            items.append(
                Item(
                    Field(
                        code=f"f{number}",
                        label=part["label"] or part.get("id") or f"{number}",
                        kind=part["kind"],
                        unit=part.get("unit", ""),
                        options=tuple(part.get("options", ())),
                        minimum=part.get("minimum", ""),
                        maximum=part.get("maximum", ""),
                        values=tuple(part["values"]),
                    )
                )
            )
        result.append(TemplateSection(_code(section.name, used), section.name, tuple(items)))
    return result


def _code(name: str, used: set[str]) -> str:
    """A standard section's code where the name says so, else one made of the name; never one that is used."""
    plain = folded(name)
    code = next((code for beginnings, code in _STANDARD if plain.startswith(beginnings) and code not in used), "")
    if not code:
        code = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:26] or "section"
        code = code if code[0].isalpha() else f"s_{code}"
        base, number = code, 2
        while code in used:
            code, number = f"{base}_{number}", number + 1
    used.add(code)
    return code
