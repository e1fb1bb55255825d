"""Renders ``orthanc-config/*.json`` into the one file that Orthanc is started with.

The sources are JSON with comments and ``${NAMES}``; values are put in as JSON, so that a path with a quote stays a
string. The result holds no secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ris_suite import layout

_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")
_COMMENT_OR_STRING = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


class ConfigurationProblem(Exception):
    """The configuration cannot be rendered; ``str()`` names the file and what is wrong."""


@dataclass(frozen=True)
class OrthancSettings:
    """What differs from one Orthanc to the next. Paths are as Orthanc sees them."""

    storage: Path
    http_port: int
    dicom_port: int
    plugins: Sequence[str]
    python_script: Path
    temporary: Path
    listens_on_loopback_only: bool = True
    automation: bool = True
    stable_age_seconds: int = 5
    ae_title: str = "QUANG"
    registered_only: bool = True
    """Only devices of the registry may store, query or retrieve."""

    def values(self) -> dict[str, object]:
        """The values of the placeholders in ``orthanc-config``."""
        return {
            "STORAGE_DIRECTORY": str(self.storage),
            "INDEX_DIRECTORY": str(self.storage),
            "TEMPORARY_DIRECTORY": str(self.temporary),
            "PLUGINS": list(self.plugins),
            "PYTHON_SCRIPT": str(self.python_script),
            "WORKLIST_SCRIPT": str(self.python_script.parent / "ris_plugins/modality_worklist/worklist_query.lua"),
            "QUANG_DICOM_PORT": self.dicom_port,
            "ORTHANC_HTTP_PORT": self.http_port,
            "HTTP_BIND_ADDRESSES": ["127.0.0.1"] if self.listens_on_loopback_only else [],
            "REMOTE_ACCESS_ALLOWED": not self.listens_on_loopback_only,
            "STABLE_AGE_SECONDS": self.stable_age_seconds,
            "DICOM_AE_TITLE": self.ae_title,
            "UNREGISTERED_ALLOWED": not self.registered_only,
        }


def render(settings: OrthancSettings, folder: Path = layout.ORTHANC_CONFIG) -> dict[str, Any]:
    """The whole configuration: ``archive.json``, and over it ``automation-off.json`` when automation is off."""
    values = settings.values()
    configuration = read(folder / "archive.json", values)
    if not settings.automation:
        configuration = _laid_over(configuration, read(folder / "automation-off.json", values))
    if not configuration["HttpBindAddresses"]:
        del configuration["HttpBindAddresses"]
    return configuration


def read(path: Path, values: Mapping[str, object]) -> dict[str, Any]:
    """One source file, with its comments removed and its placeholders filled in.

    Raises:
        ConfigurationProblem: it is not JSON, or names a placeholder that has no value.
    """

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            raise ConfigurationProblem(f"{path.name}: ${{{match.group(1)}}} has no value")
        return json.dumps(values[match.group(1)])

    text = _COMMENT_OR_STRING.sub(
        lambda match: match.group() if match.group().startswith('"') else "", path.read_text()
    )
    try:
        configuration = json.loads(_PLACEHOLDER.sub(value, text))
    except json.JSONDecodeError as problem:
        raise ConfigurationProblem(f"{path.name}: {problem}") from problem
    if not isinstance(configuration, dict):
        raise ConfigurationProblem(f"{path.name}: an object was expected")
    return configuration


def _laid_over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        result[key] = _laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result
