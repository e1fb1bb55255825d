"""The versions of what a suite is made of, read from files (nothing is run)."""

from __future__ import annotations

import sys
import tomllib

from ris_suite import layout
from ris_suite.engine import installed_engine
from ris_suite.nginx_config import installed_viewer_version


def installed_versions() -> dict[str, str | None]:
    project = tomllib.loads((layout.REPOSITORY / "pyproject.toml").read_text())["project"]
    orthanc = installed_engine().orthanc_version()
    return {
        "quang": project["version"],
        "orthanc": ".".join(map(str, orthanc)) if orthanc else None,
        "viewer": installed_viewer_version(),
        "python": ".".join(map(str, sys.version_info[:3])),
    }
