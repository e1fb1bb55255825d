"""Debian packages of a file tree: the engine's root, this machine's own, and those of container images."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ris_suite.materials.component import Component, Part
from ris_suite.materials.licences import Policy

_COMMON_LICENCE: Final = re.compile(r"/usr/share/common-licenses/([A-Za-z]+(?:-[0-9]+(?:\.[0-9]+)*)?)")


@dataclass(frozen=True, slots=True)
class Tree:
    """Where packages lie: dpkg's own list, and each package's copyright file (none: it is not there)."""

    status: str
    copyright: Callable[[str], str | None]

    @classmethod
    def at(cls, root: Path) -> Tree:
        def copyright_of(package: str) -> str | None:
            path = root / "usr/share/doc" / package / "copyright"
            return path.read_text(errors="replace") if path.exists() else None

        return cls((root / "var/lib/dpkg/status").read_text(errors="replace"), copyright_of)


def read(
    tree: Tree,
    part: Part,
    policy: Policy,
    *,
    release: str,
    hashes: Mapping[tuple[str, str], str] | None = None,
    only: Collection[str] = (),
    where: str = "",
) -> list[Component]:
    """The installed packages of ``tree`` (of them ``only`` those, when some are named).

    :param release: Debian's name for it (``forky``), for the package URLs
    :param hashes: SHA-256 of packages' files by (name, version), from :func:`index_hashes`
    """
    found = []
    for fields in installed(tree):
        if only and fields["Package"] not in only:
            continue
        name, version = fields["Package"], fields["Version"]
        digest = (hashes or {}).get((name, version))
        names: tuple[str, ...] = ()
        if fields.get("Section", "").rpartition("/")[0] not in policy.refused_sections:
            names = licence_names(tree.copyright(name) or "") or tuple(filter(None, [policy.debian_stated.get(name)]))
        found.append(
            Component(
                name=name,
                version=version,
                purl=f"pkg:deb/debian/{_quoted(name)}@{_quoted(version)}?arch={fields['Architecture']}&distro={release}",
                part=part,
                licence_names=names,
                where=where,
                hashes=(("SHA-256", digest),) if digest else (),
            )
        )
    return found


def installed(tree: Tree) -> Iterator[dict[str, str]]:
    """What dpkg's list says of every package that is installed."""
    return (fields for fields in paragraphs(tree.status) if fields.get("Status", "").endswith(" installed"))


def paragraphs(text: str) -> Iterator[dict[str, str]]:
    """The paragraphs of a control file (deb822): fields by name, continued lines joined."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line[:1] in (" ", "\t"):
                if name:
                    fields[name] += "\n" + line.strip()
            elif ":" in line and not line.startswith("#"):
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            yield fields


def licence_names(copyright_file: str) -> tuple[str, ...]:
    """What a copyright file names as the licence of most files, or of all when none stands for most.

    Machine-readable ones (DEP-5) say it by file; those in prose point at texts in /usr/share/common-licenses.
    """
    if "Format:" in copyright_file[:400]:
        by_files = [
            (fields["Files"], fields["License"].partition("\n")[0].strip(" ,"))
            for fields in paragraphs(copyright_file)
            if "Files" in fields and "License" in fields
        ]
        most = [name for files, name in by_files if "*" in files.split() and name]
        return tuple(dict.fromkeys(most or [name for _, name in by_files if name]))
    return tuple(dict.fromkeys(name.rstrip(".") for name in _COMMON_LICENCE.findall(copyright_file)))


def index_hashes(root: Path, tree: Tree) -> dict[tuple[str, str], str]:
    """SHA-256 by (name, version) of the files that ``tree`` was installed from, as far as the signed indexes that apt
    has kept in ``root`` still name them."""
    wanted = {(fields["Package"], fields["Version"]) for fields in installed(tree)}
    found: dict[tuple[str, str], str] = {}
    for index in sorted((root / "var/lib/apt/lists").glob("*_Packages")):
        name = version = ""
        with index.open(errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(": ")
                if key == "Package":
                    name = value.strip()
                elif key == "Version":
                    version = value.strip()
                elif key == "SHA256" and (name, version) in wanted:
                    found[name, version] = value.strip()
    return found


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace("+", "%2B").replace(":", "%3A").replace("~", "%7E")
