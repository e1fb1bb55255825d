"""Every route of Orthanc and of what is loaded into it, and who may ask it: ``engine_routes.tsv``, compared with what
the installed engine and its DICOMweb plugin say that they have."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from ris_suite.engine import ORTHANC
from ris_suite.sandbox import engine_command, service_account

TABLE: Final = Path(__file__).with_name("engine_routes.tsv")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
CALLERS: Final = ("nobody", "web", "worker", "monitor", "viewer")
SOME_ID: Final = "0065a786-5155e58c-788eae79-850e4200-5ac989e6"
"""An identifier that nothing has: a request that passes the filter meets a 404, and does no harm."""
_FILLED: Final = {"number": "1024", "frame": "0", "index": "0", "frames": "1", "bulk": "7FE00010"}
_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")
_OF_PLUGIN = re.compile(rb"\x00((?:studies|series|instances|servers)(?:/[a-z]+|/\(\[\^/\]\*\)|/\(\.\*\))*)(?=\x00)")


@dataclass(frozen=True, slots=True)
class EngineRoute:
    """A path (with its query, where that decides), and who may send which method to it."""

    path: str
    callers: Mapping[str, frozenset[str]]
    """By method; a method that is missing is refused to everybody."""

    def allows(self, method: str, caller: str) -> bool:
        return caller in self.callers.get(method, frozenset())

    def target(self, **uids: str) -> str:
        """The path with its placeholders filled: ``study``, ``series`` and ``instance`` from ``uids``."""
        return _PLACEHOLDER.sub(lambda found: uids.get(found[1], _FILLED.get(found[1], SOME_ID)), self.path)


def read_table() -> tuple[EngineRoute, ...]:
    """The table, a route a line.

    :raises ValueError: a line is not of the table's form
    """
    routes = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("#"):
            continue
        path, _, said = line.partition("\t")
        callers = {}
        for each in said.split("; ") if said != "-" else ():
            method, *names = each.split(" ")
            if method not in METHODS or not names or not set(names) <= set(CALLERS):
                raise ValueError(f"{TABLE.name}: {line}")
            callers[method] = frozenset(names)
        routes.append(EngineRoute(path, callers))
    return tuple(routes)


ENGINE_ROUTES: Final = read_table()


def split_query(target: str) -> tuple[str, dict[str, str]]:
    """Path and decoded query of a target, as the engine hands them to its filter."""
    path, _, query = target.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True))


def documented_paths() -> set[str]:
    """The paths that ``Orthanc --openapi`` tells of the installed engine: most, since what it documents with samples
    from the network is left out where that cannot be reached."""
    command = engine_command([ORTHANC, "--openapi=-"], [], service_account())
    answer = subprocess.run(command, check=True, capture_output=True, timeout=60, text=True).stdout
    return set(json.loads(answer[answer.index("{") :])["paths"])


def paths_of_dicomweb(library: Path) -> Iterator[str]:
    """The paths that the DICOMweb plugin registers, as they stand in its file; what varies is ``*``."""
    for found in set(_OF_PLUGIN.findall(library.read_bytes() + b"\0")):
        yield "/dicom-web/" + found.decode().replace("([^/]*)", "*").replace("(.*)", "*")


def with_stars(path: str) -> str:
    """A path of the table without the names of what varies, and without a query."""
    return _PLACEHOLDER.sub("*", path.partition("?")[0])
