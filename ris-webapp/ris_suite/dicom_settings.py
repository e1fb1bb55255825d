"""The section ``[dicom]`` of the suite's settings, which Orthanc must be told before it starts.

Read with the standard library alone, as everything that the launcher does; the same file and variables are checked as
a whole by ``ris_core.settings`` in every process.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ris_suite.orthanc_config import ConfigurationProblem

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class DicomSettings:
    """``dicom.ae_title``, ``dicom.registered_only`` and ``dicom.plain``."""

    ae_title: str = "QUANG"
    registered_only: bool = True
    plain: bool = True

    @classmethod
    def read(cls, settings_file: Path, environment: Mapping[str, str]) -> DicomSettings:
        """From the file, if there is one, and ``QUANG_DICOM__…``, which goes before it.

        Raises:
            ConfigurationProblem: the file is no TOML, or a value cannot be.
        """
        section: dict[str, object] = {}
        if settings_file.exists():
            try:
                section = dict(tomllib.loads(settings_file.read_text(encoding="utf-8")).get("dicom", {}))
            except (OSError, ValueError) as error:
                raise ConfigurationProblem(f"{settings_file}: {error}") from error
        for key in ("ae_title", "registered_only", "plain"):
            section[key] = environment.get(f"QUANG_DICOM__{key.upper()}", section.get(key, getattr(cls, key)))
        title = str(section["ae_title"]).strip()
        if not (0 < len(title) <= 16 and title.isascii() and title.isprintable() and "\\" not in title):
            raise ConfigurationProblem(f"dicom.ae_title is {title!r}; an AE title has 1 to 16 ASCII characters")
        return cls(title, _truth(section, "registered_only"), _truth(section, "plain"))


def _truth(section: Mapping[str, object], key: str) -> bool:
    value = str(section[key]).lower()
    if value not in _TRUTH:
        raise ConfigurationProblem(f"dicom.{key} is {value!r}; it can be true or false")
    return _TRUTH[value]
