"""The templates that come with the suite."""

from __future__ import annotations

import pytest

from ris_core.reports.models import ReportTemplate
from ris_core.reports.templates import load_templates

pytestmark = pytest.mark.django_db


def test_templates_are_loaded_once_and_keep_a_hospitals_changes() -> None:
    added = load_templates()
    ReportTemplate.objects.filter(code="ct-so-nao").update(conclusion="Của bệnh viện")
    assert load_templates() == 0
    assert ReportTemplate.objects.count() == added
    assert ReportTemplate.objects.get(code="ct-so-nao").conclusion == "Của bệnh viện"


def test_every_template_can_be_used_as_it_is() -> None:
    load_templates()
    for template in ReportTemplate.objects.all():
        assert template.findings.strip(), template.code
        assert template.conclusion.strip(), template.code
        assert template.technique.strip(), template.code


@pytest.mark.parametrize("modality", ["DX", "US", "CT", "MR", "MG", "ES", "ECG"])
def test_each_modality_that_is_read_has_a_template(modality: str) -> None:
    load_templates()
    assert ReportTemplate.objects.filter(modality=modality).exists()
