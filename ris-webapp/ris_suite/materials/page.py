"""The page of third-party licences in ``docs/``: names and licences, of what lock files and the project's own lists
name. Versions and hashes are in the bill of materials."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ris_suite import layout
from ris_suite.materials.component import Component, Part

PAGE: Final = layout.REPOSITORY / "docs" / "third-party-licences.md"

_INTRODUCTION: Final = """\
# Licences of others

Written by `make sbom`; do not edit. Quang itself is AGPL-3.0-or-later. Which licences may come in is decided by
[licences.toml](../ris-webapp/ris_suite/materials/licences.toml): a package whose licence is not among them, or is not
known, makes `make sbom` fail by its name. Versions, hashes, every Debian package and all that OHIF's makers have built
into their viewer are in the bill of materials that `make sbom` writes
([how](how-to/it-operations.md#what-it-is-made-of)).

Debian packages come from Debian's `main`, unchanged; their copyright files lie in `/usr/share/doc` of the engine's root
and of the images.
"""
_SECTIONS: Final = (
    ("Runs in the web app, its worker and in part inside Orthanc (Python)", (Part.WEB_APP, Part.ENGINE)),
    ("Sent to browsers (npm)", (Part.FRONT_END, Part.VIEWER)),
    ("Installed by name from Debian", (Part.ENGINE_ROOT,)),
    ("Builds only; not part of an installation", (Part.BUILD,)),
    ("Tests only; not part of an installation", (Part.TEST,)),
)


def text(components: Iterable[Component], *, named: Iterable[str]) -> str:
    """:param named: the Debian packages that the project asks for; what these need is in the bill only"""
    wanted = frozenset(named)
    by_part: dict[Part, dict[str, str]] = {}
    for component in components:
        if component.part is Part.ENGINE_ROOT and component.name not in wanted:
            continue
        licence = component.licence or ", ".join(component.licence_names)
        by_part.setdefault(component.part, {})[component.name] = licence
    lines = [_INTRODUCTION]
    for title, parts in _SECTIONS:
        rows = {name: licence for part in parts for name, licence in by_part.get(part, {}).items()}
        lines += [f"## {title}\n", "| package | licence |", "|---|---|"]
        lines += [f"| {name} | {rows[name]} |" for name in sorted(rows, key=str.casefold)]
        lines.append("")
    return "\n".join(lines)


def write(content: str, path: Path = PAGE) -> None:
    path.write_text(content)
