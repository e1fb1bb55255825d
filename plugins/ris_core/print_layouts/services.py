"""Making and changing print layouts; every change of a design is a new version, in use at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.print_layouts.design import Design, design_data, design_of, design_sha256, pictures_in
from ris_core.print_layouts.models import LayoutKind, LayoutPicture, LayoutRule, PrintLayout, PrintLayoutVersion
from ris_core.print_layouts.pictures import clean_picture

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_RULES: Final = 100
_MOST_PICTURES: Final = 500


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """Exams for which a layout is taken; at least one condition."""

    source: str = ""
    requesting_department: str = ""
    modality: str = ""
    service_code: str = ""

    def __post_init__(self) -> None:
        if not (self.source or self.requesting_department or self.modality or self.service_code):
            raise InvalidValue("a rule needs a condition: make the layout the usual one instead", field="rules")
        if len(self.source) > 128 or len(self.requesting_department) > 255 or len(self.service_code) > 64:
            raise InvalidValue("a condition is too long", field="rules")
        if not re.fullmatch(r"[A-Z0-9]{0,16}", self.modality):
            raise InvalidValue("a modality has capital letters and digits", field="rules")


@dataclass(frozen=True, slots=True)
class LayoutFacts:
    """What a layout is called and which exams it is for."""

    code: str
    name: str
    kind: str
    is_usual: bool = False
    rules: tuple[RuleFacts, ...] = ()

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidValue("a code has lower-case letters, digits, dots, dashes; at most 64", field="code")
        if not self.name.strip() or len(self.name) > 255:
            raise InvalidValue("a layout needs a name of at most 255 characters", field="name")
        if self.kind not in LayoutKind.values:
            raise InvalidValue("a layout is of reports or of labels", field="kind")
        if len(self.rules) > _MOST_RULES:
            raise InvalidValue(f"a layout has at most {_MOST_RULES} rules", field="rules")


@transaction.atomic
def create_layout(facts: LayoutFacts, design: Design, actor: Actor, comment: str = "") -> PrintLayout:
    """A new layout with its first version.

    :raises InvalidValue: the code is in use, or the design shows a picture that is not kept
    """
    if PrintLayout.objects.filter(code=facts.code).exists():
        raise InvalidValue("another layout has this code", field="code")
    layout = PrintLayout.objects.create(code=facts.code, name=facts.name.strip(), kind=facts.kind)
    _put_facts(layout, facts)
    _add_version(layout, design, actor, comment)
    return layout


@transaction.atomic
def change_layout(
    layout_id: int, facts: LayoutFacts, design: Design, actor: Actor, *, over: int, comment: str = ""
) -> PrintLayout:
    """Save a layout; a version is added when its design is another one. Code and kind never change.

    :param over: number of the version that the change was made over
    :raises NotFound: no such layout
    :raises EditConflict: somebody saved another version in between
    :raises InvalidValue: the design shows a picture that is not kept
    """
    layout = _locked(layout_id)
    present = layout.current
    changed = present is None or design_data(design_of(layout.kind, present.design)) != design_data(design)
    if changed and present is not None and present.number != over:
        raise EditConflict("somebody saved another version in between", field="version")
    if (facts.name.strip(), facts.is_usual, sorted(map(repr, facts.rules))) != (
        layout.name,
        layout.is_usual,
        sorted(map(repr, rules_of(layout))),
    ):
        layout.name = facts.name.strip()
        _put_facts(layout, facts)
        _tell(layout, actor, "print_layout.assigned", rules=len(facts.rules), usual=facts.is_usual)
    if changed:
        _add_version(layout, design, actor, comment)
    return layout


@transaction.atomic
def restore_version(layout_id: int, number: int, actor: Actor) -> PrintLayout:
    """Take an earlier version again, as a new one.

    :raises NotFound: no such layout or version
    """
    layout = _locked(layout_id)
    version = layout.versions.filter(number=number).first()
    if version is None:
        raise NotFound("there is no such version of this layout", field="version")
    if layout.current is None or layout.current.sha256 != version.sha256:
        _add_version(layout, design_of(layout.kind, version.design), actor, f"= {number}")
    return layout


@transaction.atomic
def set_active(layout_id: int, active: bool, actor: Actor) -> PrintLayout:
    """Use a layout, or no longer; approved reports stay bound to it.

    :raises NotFound: no such layout
    """
    layout = _locked(layout_id)
    if layout.active != active:
        layout.active = active
        if not active:
            layout.is_usual = False
        layout.save()
        _tell(layout, actor, "print_layout.activated" if active else "print_layout.deactivated")
    return layout


@transaction.atomic
def keep_picture(data: bytes, name: str, actor: Actor) -> LayoutPicture:
    """Keep a picture for letterheads, cleaned; the same picture is kept once.

    :raises InvalidValue: no PNG, JPEG or SVG, broken, too large, or one too many
    """
    clean = clean_picture(data)
    known = LayoutPicture.objects.filter(sha256=clean.sha256).first()
    if known is not None:
        return known
    if LayoutPicture.objects.count() >= _MOST_PICTURES:
        raise InvalidValue(f"at most {_MOST_PICTURES} pictures are kept", field="picture")
    kept = LayoutPicture.objects.create(
        sha256=clean.sha256,
        media_type=clean.media_type,
        content=clean.content,
        name="".join(character for character in name if character.isprintable())[:128],
        added_by=actor.name,
    )
    record(actor, "print_layout.picture_added", subject=f"picture:{kept.sha256[:16]}", bytes=len(clean.content))
    return kept


def rules_of(layout: PrintLayout) -> tuple[RuleFacts, ...]:
    """The rules of a layout."""
    return tuple(
        RuleFacts(rule.source, rule.requesting_department, rule.modality, rule.service_code)
        for rule in layout.rules.order_by("pk")
    )


def facts_of(layout: PrintLayout) -> LayoutFacts:
    return LayoutFacts(layout.code, layout.name, layout.kind, layout.is_usual, rules_of(layout))


def _put_facts(layout: PrintLayout, facts: LayoutFacts) -> None:
    if facts.is_usual:
        PrintLayout.objects.filter(kind=layout.kind, is_usual=True).exclude(pk=layout.pk).update(is_usual=False)
    layout.is_usual = facts.is_usual
    layout.save()
    if rules_of(layout) != facts.rules:
        layout.rules.all().delete()
        LayoutRule.objects.bulk_create(_rows(layout, facts.rules))


def _rows(layout: PrintLayout, rules: Sequence[RuleFacts]) -> list[LayoutRule]:
    return [
        LayoutRule(
            layout=layout,
            source=rule.source,
            requesting_department=rule.requesting_department,
            modality=rule.modality,
            service_code=rule.service_code,
        )
        for rule in rules
    ]


def _locked(layout_id: int) -> PrintLayout:
    found = PrintLayout.objects.select_for_update(of=("self",)).select_related("current").filter(pk=layout_id).first()
    if found is None:
        raise NotFound("there is no such layout", field="layout")
    return found


def _add_version(layout: PrintLayout, design: Design, actor: Actor, comment: str) -> None:
    missing = pictures_in(design) - set(LayoutPicture.objects.values_list("sha256", flat=True))
    if missing:
        raise InvalidValue("the picture of the letterhead is not kept here: add it again", field="letterhead.logo")
    newest = layout.versions.order_by("-number").first()
    layout.current = PrintLayoutVersion.objects.create(
        layout=layout,
        number=newest.number + 1 if newest else 1,
        design=design_data(design),
        sha256=design_sha256(design),
        comment="".join(character for character in comment if character.isprintable())[:255],
        made_by=actor.name,
    )
    layout.save()
    _tell(layout, actor, "print_layout.saved", version=layout.current.number)


def _tell(layout: PrintLayout, actor: Actor, action: str, **details: Any) -> None:
    record(actor, action, subject=f"print_layout:{layout.pk}", code=layout.code, **details)
    announce("print_layout", layout.pk)
