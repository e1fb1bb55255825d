"""The report templates that come with the suite (``templates_vi.toml``), as rows that a hospital then makes its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

from django.db import transaction

from ris_core.reports.models import ReportTemplate
from ris_core.reports.rules import Sections

_FILE = Path(__file__).with_name("templates_vi.toml")


@transaction.atomic
def load_templates() -> int:
    """Add the templates that are not there yet, by their code; those that are there stay as the hospital has them.

    :returns: how many were added
    """
    known = set(ReportTemplate.objects.values_list("code", flat=True))
    added = 0
    for entry in tomllib.loads(_FILE.read_text(encoding="utf-8"))["template"]:
        code, name, modality = entry.pop("code"), entry.pop("name"), entry.pop("modality")
        service_code = entry.pop("service_code", "")
        if code in known:
            continue
        # an unknown key in the file is an error here: Sections has no such part
        sections = Sections(**entry)
        ReportTemplate.objects.create(
            code=code, name=name, modality=modality, service_code=service_code, **sections.as_dict()
        )
        added += 1
    return added
