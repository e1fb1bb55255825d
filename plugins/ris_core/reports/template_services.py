"""Making and changing report templates; every change of what is in one is a new version, in use at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.reports.content import clean_value
from ris_core.reports.definition import Definition
from ris_core.reports.models import ReportTemplate, ReportTemplateVersion

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    """What a template is called and which exams it is offered for."""

    code: str
    name: str
    modality: str = ""
    """Empty: any."""
    service_code: str = ""
    """Empty: any service of the modality."""

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidValue("a code has lower-case letters, digits, dots, dashes; at most 64", field="code")
        if not self.name.strip() or len(self.name) > 255:
            raise InvalidValue("a template needs a name of at most 255 characters", field="name")
        if not re.fullmatch(r"[A-Z0-9]{0,16}", self.modality):
            raise InvalidValue("a modality has capital letters and digits", field="modality")
        if len(self.service_code) > 64:
            raise InvalidValue("a service code has at most 64 characters", field="service_code")


@transaction.atomic
def create_template(facts: TemplateFacts, definition: Definition, actor: Actor, comment: str = "") -> ReportTemplate:
    """A new template with its first version.

    :raises InvalidValue: the code is in use
    """
    if ReportTemplate.objects.filter(code=facts.code).exists():
        raise InvalidValue("another template has this code", field="code")
    template = ReportTemplate.objects.create(
        code=facts.code, name=facts.name.strip(), modality=facts.modality, service_code=facts.service_code
    )
    _add_version(template, definition, actor, comment)
    return template


@transaction.atomic
def change_template(
    template_id: int, facts: TemplateFacts, definition: Definition, actor: Actor, *, over: int, comment: str = ""
) -> ReportTemplate:
    """Save a template; a version is added when its definition is another one. Its code never changes.

    :param over: number of the version that the change was made over
    :raises NotFound: no such template
    :raises EditConflict: somebody saved another version in between
    """
    template = _locked(template_id)
    present = template.current
    definition_changed = present is None or present.sha256 != definition.sha256()
    if definition_changed and present is not None and present.number != over:
        raise EditConflict("somebody saved another version in between", field="version")
    named = (facts.name.strip(), facts.modality, facts.service_code)
    if named != (template.name, template.modality, template.service_code):
        template.name, template.modality, template.service_code = named
        template.save()
        _tell(template, actor, "report_template.renamed")
    if definition_changed:
        _add_version(template, definition, actor, comment)
    return template


@transaction.atomic
def restore_version(template_id: int, number: int, actor: Actor) -> ReportTemplate:
    """Take an earlier version again, as a new one.

    :raises NotFound: no such template or version
    """
    template = _locked(template_id)
    version = template.versions.filter(number=number).first()
    if version is None:
        raise NotFound("there is no such version of this template", field="version")
    definition = Definition.from_json(version.definition)
    if template.current is None or template.current.sha256 != definition.sha256():
        _add_version(template, definition, actor, f"= {number}")
    return template


@transaction.atomic
def set_active(template_id: int, active: bool, actor: Actor) -> ReportTemplate:
    """Offer a template to readers, or no longer; reports written with it stay as they are.

    :raises NotFound: no such template
    """
    template = _locked(template_id)
    if template.active != active:
        template.active = active
        template.save()
        _tell(template, actor, "report_template.activated" if active else "report_template.deactivated")
    return template


def _locked(template_id: int) -> ReportTemplate:
    template = ReportTemplate.objects.select_for_update(of=("self",)).select_related("current").filter(pk=template_id)
    found = template.first()
    if found is None:
        raise NotFound("there is no such template", field="template")
    return found


def _add_version(template: ReportTemplate, definition: Definition, actor: Actor, comment: str) -> None:
    newest = template.versions.order_by("-number").first()
    template.current = ReportTemplateVersion.objects.create(
        template=template,
        number=newest.number + 1 if newest else 1,
        definition=definition.as_json(),
        sha256=definition.sha256(),
        comment=clean_value(comment)[:255],
        made_by=actor.name,
    )
    template.save()
    _tell(template, actor, "report_template.saved", version=template.current.number)


def _tell(template: ReportTemplate, actor: Actor, action: str, **details: Any) -> None:
    record(actor, action, subject=f"report_template:{template.pk}", code=template.code, **details)
    announce("template", template.pk)
