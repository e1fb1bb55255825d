"""Python packages: from ``uv.lock``, with the licences that the installed ones name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from ris_suite.materials.component import Component, Distribution, Part
from ris_suite.materials.licences import Policy

_NEVER: Final = "sys_platform == 'never'"
"""How ``pyproject.toml`` says that a dependency is not wanted at all."""
_PARTS: Final = (("engine", Part.ENGINE), ("build", Part.BUILD), ("dev", Part.TEST))

Locked = Mapping[str, Any]


def installed(folders: Iterable[Path]) -> dict[str, Message]:
    """The metadata of what is installed in ``folders``, by name."""
    found: dict[str, Message] = {}
    for distribution in distributions(path=[str(folder) for folder in folders]):
        # importlib.metadata gives an email.message.Message that its type does not tell
        found[normalised(distribution.metadata["Name"])] = distribution.metadata  # type: ignore[assignment]
    return found


def read(lock: Path, metadata: Mapping[str, Message], policy: Policy) -> list[Component]:
    """Every package that ``lock`` leads to. Several versions of one (for different Pythons) are several components."""
    packages: dict[str, list[Locked]] = {}
    for package in tomllib.loads(lock.read_text())["package"]:
        packages.setdefault(package["name"], []).append(package)
    (own,) = (each for versions in packages.values() for each in versions if "virtual" in each["source"])
    parts = _parts(own, packages)
    return [
        Component(
            name=name,
            version=package["version"],
            purl=_purl(package),
            part=part,
            licence=policy.of_python_package(name, metadata.get(name)),
            distributions=tuple(_distributions(package)),
            needs=tuple(
                _purl(needed)
                for dependency in _wanted(package.get("dependencies", ()))
                for needed in packages[dependency["name"]]
            ),
        )
        for name, part in sorted(parts.items())
        for package in packages[name]
    ]


def normalised(name: str) -> str:
    """A project's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _parts(own: Locked, packages: Mapping[str, list[Locked]]) -> dict[str, Part]:
    found: dict[str, Part] = {}
    for wanted, part in (
        (own["dependencies"], Part.WEB_APP),
        *((own["dev-dependencies"][group], part) for group, part in _PARTS),
    ):
        waiting = list(_wanted(wanted))
        seen: set[tuple[str, tuple[str, ...]]] = set()
        while waiting:
            dependency = waiting.pop()
            name, extras = dependency["name"], tuple(dependency.get("extra", ()))
            if (name, extras) in seen:
                continue
            seen.add((name, extras))
            found.setdefault(name, part)
            for package in packages[name]:
                waiting += _wanted(package.get("dependencies", ()))
                for extra in extras:
                    waiting += _wanted(package.get("optional-dependencies", {}).get(extra, ()))
    return found


def _wanted(dependencies: Iterable[Locked]) -> Iterator[Locked]:
    return (dependency for dependency in dependencies if dependency.get("marker") != _NEVER)


def _purl(package: Locked) -> str:
    return f"pkg:pypi/{package['name']}@{package['version']}"


def _distributions(package: Locked) -> Iterator[Distribution]:
    for file in (*filter(None, [package.get("sdist")]), *package.get("wheels", ())):
        algorithm, _, digest = file["hash"].partition(":")
        if algorithm == "sha256":
            yield Distribution(file["url"], "SHA-256", digest)
