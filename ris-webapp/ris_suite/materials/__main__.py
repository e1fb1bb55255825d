"""``make sbom``: writes the bill of materials and the page of licences, or says which package may not be in Quang."""

from __future__ import annotations

import os
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from ris_suite import layout
from ris_suite.materials import bill, debian_packages, images, npm_packages, page, python_packages
from ris_suite.materials.component import Component, Part
from ris_suite.materials.licences import Policy
from ris_suite.settings import SuiteSettings
from ris_suite.setup import engine_root, host_packages

ENGINE_RELEASE = engine_root.SUITE
NAMED_IN_ROOT = (*engine_root.RUNTIME_PACKAGES, "postgresql")


def from_locks(policy: Policy) -> list[Component]:
    """What lock files name: Python packages, the front end's and the test provider's npm packages."""
    metadata = python_packages.installed([_site_packages(), layout.ENGINE_SITE_PACKAGES])
    return [
        *python_packages.read(layout.REPOSITORY / "uv.lock", metadata, policy),
        *npm_packages.read(layout.FRONTEND / "package-lock.json", Part.FRONT_END),
        *npm_packages.read(layout.OPENID_PROVIDER / "package-lock.json", Part.TEST),
    ]


def viewer_and_engine(policy: Policy) -> list[Component]:
    """What setup has installed: the viewer, and the engine's root (without one, this machine's own packages)."""
    version = (layout.VIEWER / "VERSION").read_text().strip()
    found = [npm_packages.built_viewer(layout.VIEWER / version)]
    if layout.ENGINE_ROOT.exists():
        found += _debian(debian_packages.Tree.at(layout.ENGINE_ROOT), Part.ENGINE_ROOT, policy)
    else:
        found += _of_host(policy, NAMED_IN_ROOT, Part.ENGINE_ROOT)
    return found


def main() -> int:
    """Returns the exit status: 0 written, 1 a package may not be in Quang."""
    policy = Policy.read()
    components = [*from_locks(policy), *viewer_and_engine(policy)]
    components += _of_host(policy, [package.name for package in host_packages.RUNTIME], Part.HOST)
    left_out = []
    for image in map(images.image, images.NAMES):
        tree = images.tree(image)
        if tree is None:
            left_out.append(image)
        else:
            components += _debian(tree, Part.IMAGE, policy, where=image)
    if faults := list(policy.faults(components)):
        print("\n".join(["These packages may not be in Quang:", *faults]), file=sys.stderr)
        return 1
    version = tomllib.loads((layout.REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    target = SuiteSettings.from_environment().home.path / "sbom.cdx.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(bill.write(components, version=version, made=_now()))
    page.write(page.text(components, named=NAMED_IN_ROOT))
    print(f"{len({component.purl for component in components})} packages: {target}")
    if left_out:
        print(f"without the images that have not been built here: {', '.join(left_out)}")
    return 0


def _debian(tree: debian_packages.Tree, part: Part, policy: Policy, *, where: str = "") -> list[Component]:
    hashes = debian_packages.index_hashes(layout.ENGINE_ROOT, tree)
    return debian_packages.read(tree, part, policy, release=ENGINE_RELEASE, where=where, hashes=hashes)


def _of_host(policy: Policy, names: list[str] | tuple[str, ...], part: Part) -> list[Component]:
    """Packages of this machine by name; nothing where it is no Debian."""
    if not Path("/var/lib/dpkg/status").exists():
        return []
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line).get(
        "VERSION_CODENAME", "unknown"
    )
    return debian_packages.read(debian_packages.Tree.at(Path("/")), part, policy, release=release, only=names)


def _site_packages() -> Path:
    (folder,) = layout.VIRTUALENV.glob("lib/python3*/site-packages")
    return folder


def _now() -> datetime:
    """``SOURCE_DATE_EPOCH`` where the build is to be repeatable."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
