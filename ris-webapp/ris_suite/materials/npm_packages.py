"""npm packages: from ``package-lock.json`` files, and the viewer that its makers have built."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ris_suite.materials.component import Component, Part
from ris_suite.setup import viewer

_BUNDLED = re.compile(r"node_modules/((?:@[a-z0-9._-]+/)?[a-zA-Z0-9._-]+)")


def read(lock: Path, part: Part) -> list[Component]:
    """Every package of ``lock``; those that only build are :attr:`Part.BUILD`."""
    found = {}
    for place, package in json.loads(lock.read_text())["packages"].items():
        if not place:
            continue  # our own
        name = package.get("name") or place.rpartition("node_modules/")[2]
        component = Component(
            name=name,
            version=package["version"],
            purl=purl(name, package["version"]),
            part=Part.BUILD if package.get("dev") and part.shipped else part,
            licence=package.get("license"),
            hashes=tuple(_hashes(package.get("integrity", ""))),
        )
        found[component.purl] = component
    return list(found.values())


def built_viewer(folder: Path) -> Component:
    """OHIF as it is installed in ``folder``.

    Its package names the licence of the whole; what is built into it is told by the scripts' own section names,
    without versions.
    """
    licence = json.loads((folder / "licence" / "package.json").read_text())["license"]
    bundled = {
        name
        for script in folder.glob("*.js")
        for name in _BUNDLED.findall(script.read_text(errors="replace"))
        if not name.startswith(".")
    }
    return Component(
        name=viewer.PACKAGE,
        version=viewer.OHIF_VERSION,
        purl=purl(viewer.PACKAGE, viewer.OHIF_VERSION),
        part=Part.VIEWER,
        licence=licence,
        hashes=tuple(_hashes(f"sha512-{viewer.SHA512}")),
        contains=tuple(sorted(bundled)),
    )


def purl(name: str, version: str) -> str:
    return f"pkg:npm/{name.replace('@', '%40')}@{version}"


def _hashes(integrity: str) -> Iterator[tuple[str, str]]:
    """A Subresource Integrity text in CycloneDX's words."""
    for one in integrity.split():
        algorithm, _, digest = one.partition("-")
        if algorithm in ("sha256", "sha384", "sha512"):
            yield f"SHA-{algorithm[3:]}", base64.b64decode(digest).hex()
