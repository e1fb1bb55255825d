"""Print layouts as one file, from one hospital to another: a ZIP of ``layouts.json`` and the pictures they show."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any, Final

import msgspec
from django.db import transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue
from ris_core.json_text import read_json
from ris_core.print_layouts.design import Design, design_data, design_of, pictures_in
from ris_core.print_layouts.models import LayoutPicture, PrintLayout
from ris_core.print_layouts.pictures import MOST_BYTES as MOST_PICTURE_BYTES
from ris_core.print_layouts.sandbox import check_syntax
from ris_core.print_layouts.services import (
    LayoutFacts,
    RuleFacts,
    change_layout,
    create_layout,
    facts_of,
    keep_picture,
    rules_of,
)

FORMAT: Final = "quang.print-layouts"
MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_LAYOUTS: Final = 200
_MOST_JSON_BYTES: Final = 8 * 1024 * 1024
_MOST_UNPACKED_BYTES: Final = 64 * 1024 * 1024
_LIST: Final = "layouts.json"
_ENDINGS: Final = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}


class _Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    source: str = ""
    requesting_department: str = ""
    modality: str = ""
    service_code: str = ""


class _Layout(msgspec.Struct, forbid_unknown_fields=True):
    code: str
    name: str
    kind: str
    design: dict[str, Any]
    rules: list[_Rule] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    layouts: list[_Layout]


def exported(layouts: list[PrintLayout], actor: Actor) -> bytes:
    """The versions in use of ``layouts``, their rules and pictures."""
    record(actor, "print_layout.exported", count=len(layouts))
    listed, pictures = [], set[str]()
    for each in layouts:
        if each.current is None:
            continue
        design = design_of(each.kind, each.current.design)
        pictures |= pictures_in(design)
        rules = [
            _Rule(rule.source, rule.requesting_department, rule.modality, rule.service_code) for rule in rules_of(each)
        ]
        listed.append(_Layout(each.code, each.name, each.kind, design_data(design), rules))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_LIST, msgspec.json.format(msgspec.json.encode(_File(FORMAT, 1, listed)), indent=1))
        for picture in LayoutPicture.objects.filter(sha256__in=pictures).order_by("sha256"):
            archive.writestr(f"pictures/{picture.sha256}.{_ENDINGS[picture.media_type]}", bytes(picture.content))
    return file.getvalue()


@transaction.atomic
def imported(data: bytes, actor: Actor) -> tuple[int, int]:
    """Take all layouts of a file (the ZIP, or its ``layouts.json`` alone), or none: new ones are added with their
    rules, others get a version where theirs is another one and keep their rules. None becomes the usual one.

    :returns: how many were added, how many were changed
    :raises InvalidValue: not such a file, or one of its layouts or pictures cannot be taken
    :raises LayoutFaulty: the template of one is none
    """
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"a file of layouts has at most {MOST_BYTES} bytes", field="file")
    listed, pictures = _read(data)
    kept = {name: keep_picture(content, "import", actor).sha256 for name, content in pictures.items()}
    added = changed = 0
    for each in listed.layouts:
        design = _with_pictures(each, kept)
        check_syntax(design.template)
        present = PrintLayout.objects.select_related("current").filter(code=each.code).first()
        if present is None:
            rules = tuple(
                RuleFacts(rule.source, rule.requesting_department, rule.modality, rule.service_code)
                for rule in each.rules
            )
            create_layout(LayoutFacts(each.code, each.name, each.kind, rules=rules), design, actor, "import")
            added += 1
        elif present.kind != each.kind:
            raise InvalidValue(f"the layout {each.code} here is of another kind", field="file")
        elif present.current is None or design_data(design_of(present.kind, present.current.design)) != design_data(
            design
        ):
            over = present.current.number if present.current else 0
            change_layout(present.pk, facts_of(present), design, actor, over=over, comment="import")
            changed += 1
    return added, changed


def _with_pictures(layout: _Layout, kept: dict[str, str]) -> Design:
    """The design; a picture may have another hash here, when it is cleaned otherwise than where it came from."""
    letterhead = layout.design.get("letterhead")
    if isinstance(letterhead, dict) and letterhead.get("logo") in kept:
        letterhead["logo"] = kept[letterhead["logo"]]
    return design_of(layout.kind, layout.design)


def _read(data: bytes) -> tuple[_File, dict[str, bytes]]:
    pictures: dict[str, bytes] = {}
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = archive.infolist()
                if len(entries) > 2 * _MOST_LAYOUTS:
                    raise InvalidValue("the file holds too many files", field="file")
                for entry in entries:
                    if entry.filename.startswith("pictures/") and not entry.is_dir():
                        name = entry.filename.removeprefix("pictures/").partition(".")[0]
                        pictures[name] = _bounded(archive, entry, MOST_PICTURE_BYTES)
                        if sum(map(len, pictures.values())) > _MOST_UNPACKED_BYTES:
                            raise InvalidValue("the pictures in the archive are too large", field="file")
                data = _bounded(archive, archive.getinfo(_LIST), _MOST_JSON_BYTES)
        file = read_json(data, _File, field="file")
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise InvalidValue("not a file of print layouts", field="file") from error
    if file.format != FORMAT or file.version != 1 or len(file.layouts) > _MOST_LAYOUTS:
        raise InvalidValue("not a file of print layouts of this version", field="file")
    return file, pictures


def _bounded(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    """What an entry unpacks to; its own word for how large it is is not believed."""
    with archive.open(entry) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise InvalidValue("a file in the archive is too large", field="file")
    return content
