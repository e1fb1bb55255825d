"""Report templates as one JSON file, from one hospital to another."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue
from ris_core.json_text import read_json
from ris_core.reports.definition import Definition
from ris_core.reports.models import ReportTemplate
from ris_core.reports.template_services import TemplateFacts, change_template, create_template

FORMAT: Final = "quang.report-templates"
MOST_BYTES: Final = 8 * 1024 * 1024
MOST_TEMPLATES: Final = 2000


class _Template(msgspec.Struct, forbid_unknown_fields=True):
    code: str
    name: str
    definition: dict[str, Any]
    modality: str = ""
    service_code: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    templates: list[_Template]


def exported(templates: list[ReportTemplate], actor: Actor) -> bytes:
    """The versions in use of ``templates``, readable by people."""
    record(actor, "report_template.exported", count=len(templates))
    file = _File(
        FORMAT,
        1,
        [
            _Template(each.code, each.name, each.current.definition, each.modality, each.service_code)
            for each in templates
            if each.current is not None
        ],
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1)


@transaction.atomic
def imported(data: bytes, actor: Actor) -> tuple[int, int]:
    """Take all templates of a file, or none: new ones are added, others get a version where theirs is another one.

    :returns: how many were added, how many were changed
    :raises InvalidValue: not such a file, or one of its templates cannot be taken
    """
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"a file of templates has at most {MOST_BYTES} bytes", field="file")
    file = read_json(data, _File, field="file")
    if file.format != FORMAT or file.version != 1 or len(file.templates) > MOST_TEMPLATES:
        raise InvalidValue("not a file of report templates of this version", field="file")
    added = changed = 0
    for each in file.templates:
        facts = TemplateFacts(each.code, each.name, each.modality, each.service_code)
        definition = Definition.from_json(each.definition)
        present = ReportTemplate.objects.select_related("current").filter(code=each.code).first()
        if present is None:
            create_template(facts, definition, actor, "import")
            added += 1
        elif present.current is None or present.current.sha256 != definition.sha256():
            over = present.current.number if present.current else 0
            change_template(present.pk, facts, definition, actor, over=over, comment="import")
            changed += 1
    return added, changed
