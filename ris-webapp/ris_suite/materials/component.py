"""A foreign package, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """Where a package is used; the first that applies is told."""

    WEB_APP = "web app"
    ENGINE = "inside Orthanc"
    FRONT_END = "front end"
    VIEWER = "viewer"
    ENGINE_ROOT = "engine root"
    HOST = "host"
    IMAGE = "container image"
    BUILD = "build"
    TEST = "test"

    @property
    def shipped(self) -> bool:
        """Whether it runs in a hospital; what only builds or tests does not."""
        return self not in (Part.BUILD, Part.TEST)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A file that the package is fetched as, with its hash."""

    url: str
    algorithm: str
    """As CycloneDX names it: ``SHA-256``."""
    digest: str
    """Hexadecimal."""


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    version: str
    purl: str
    """Package URL, which is also how other components refer to it."""
    part: Part
    licence: str | None = None
    """An SPDX expression; none when it is not known."""
    licence_names: tuple[str, ...] = ()
    """Instead of it: what the packager calls the licences, as Debian does."""
    where: str = ""
    """Of :attr:`Part.IMAGE` the image's name."""
    hashes: tuple[tuple[str, str], ...] = ()
    """(algorithm, digest) of the one file it consists of."""
    distributions: tuple[Distribution, ...] = ()
    """Where it may be any of several files."""
    needs: tuple[str, ...] = field(default=())
    """Package URLs."""
    contains: tuple[str, ...] = ()
    """Names of packages that its makers have built into it."""
