"""The report templates that come with the suite (``templates_vi.toml``), as rows that a hospital then makes its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from ris_core.audit.services import SYSTEM, Actor
from ris_core.reports.content import STANDARD_SECTIONS
from ris_core.reports.definition import Definition
from ris_core.reports.models import ReportTemplate
from ris_core.reports.template_services import TemplateFacts, create_template

_FILE: Final = Path(__file__).with_name("templates_vi.toml")


@transaction.atomic
def load_templates(actor: Actor = SYSTEM) -> int:
    """Add the templates that are not there yet, by their code; those that are there stay as the hospital has them.

    :returns: how many were added
    """
    missing = missing_templates()
    for facts, definition in missing:
        create_template(facts, definition, actor)
    return len(missing)


def missing_templates() -> list[tuple[TemplateFacts, Definition]]:
    """Those of the file whose code the hospital does not have."""
    known = set(ReportTemplate.objects.values_list("code", flat=True))
    return [(facts, definition) for facts, definition in shipped_templates() if facts.code not in known]


def shipped_templates() -> list[tuple[TemplateFacts, Definition]]:
    """All templates of the file; an unknown key or part in it is an error here."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["template"]
    return [_template(entry) for entry in entries]


def _template(entry: dict[str, Any]) -> tuple[TemplateFacts, Definition]:
    """A template as the file writes it: each section a text, or a list of texts and of tables (TOML's) that are
    blocks; ``titles`` has the headings of sections that are not standard; ``when`` in a block is its condition."""
    entry = dict(entry)
    facts = TemplateFacts(entry.pop("code"), entry.pop("name"), entry.pop("modality"), entry.pop("service_code", ""))
    titles = entry.pop("titles", {})
    order = [*titles, *(code for code in STANDARD_SECTIONS if code not in titles)]
    unknown = set(entry) - set(order)
    if unknown:
        raise ValueError(f"template {facts.code}: {unknown} is neither a standard section nor among its titles")
    sections = [
        {"code": code, "title": titles.get(code, ""), "items": list(map(_item, _parts(entry[code])))}
        for code in sorted(entry, key=order.index)
    ]
    return facts, Definition.from_json({"sections": sections})


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _item(part: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(part, str):
        return {"block": {"type": "text", "text": part}}
    block = dict(part)
    when = block.pop("when", None)
    return {"block": block, "when": when}
