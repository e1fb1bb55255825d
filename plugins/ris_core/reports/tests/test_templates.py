"""The templates that come with the suite."""

from __future__ import annotations

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.reports.content import Content, Field, Text, plain_content
from ris_core.reports.definition import Definition, ExamFacts, Item, TemplateSection
from ris_core.reports.filling import filled
from ris_core.reports.models import ReportTemplate
from ris_core.reports.rendering import texts_of
from ris_core.reports.template_services import TemplateFacts, change_template
from ris_core.reports.templates import load_templates, shipped_templates

MODALITIES = ["DX", "US", "CT", "MR", "MG", "ES", "ECG"]


@pytest.mark.django_db
def test_templates_are_loaded_once_and_keep_a_hospitals_changes() -> None:
    added = load_templates()
    template = ReportTemplate.objects.get(code="ct-so-nao")
    own = Definition.of((TemplateSection("conclusion", items=(Item(Text("Của bệnh viện")),)),))
    change_template(template.pk, TemplateFacts("ct-so-nao", template.name), own, SYSTEM, over=1)
    assert load_templates() == 0
    assert ReportTemplate.objects.count() == added
    template.refresh_from_db()
    assert template.current is not None
    assert Definition.from_json(template.current.definition) == own


@pytest.mark.parametrize(("facts", "definition"), shipped_templates(), ids=lambda each: getattr(each, "code", ""))
@pytest.mark.parametrize("sex", ["M", "F"])
def test_every_template_can_be_used_as_it_is(facts: TemplateFacts, definition: Definition, sex: str) -> None:
    """Technique and conclusion are written, and findings are written or asked for by fields."""
    content, kept = filled(plain_content(), definition, ExamFacts(sex, 45, modality=facts.modality))
    texts = texts_of(content)
    assert kept == ()
    assert texts["technique"]
    assert texts["conclusion"]
    assert texts["findings"] or _asks(content)


def _asks(content: Content) -> bool:
    findings = content.section("findings")
    return findings is not None and any(isinstance(block, Field) for block in findings.blocks)


@pytest.mark.parametrize("modality", MODALITIES)
def test_each_modality_that_is_read_has_templates(modality: str) -> None:
    assert len([facts for facts, _ in shipped_templates() if facts.modality == modality]) >= 2


def test_there_are_templates_for_the_common_services() -> None:
    codes = [facts.code for facts, _ in shipped_templates()]
    assert len(codes) == len(set(codes)) >= 30
