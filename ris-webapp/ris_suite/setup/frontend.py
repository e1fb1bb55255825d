"""What comes by npm, from lock files: the web app's scripts and styles, and a program that tests log in at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from ris_suite import layout
from ris_suite.setup import network
from ris_suite.setup.runner import StepLog

MINIMUM_NODE = 20


def host_has_node() -> bool:
    """True when the host has npm and a node new enough; otherwise the virtual environment's is used."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    result = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    match = re.match(r"v(\d+)\.", result.stdout)
    return match is not None and int(match.group(1)) >= MINIMUM_NODE


def build(log: StepLog) -> None:
    """``npm ci`` without install scripts, then ``npm run build``, which writes to ``ris-webapp/frontend/dist``."""
    environment = _install(layout.FRONTEND, log)
    log.run(
        ["npm", "run", "build"], why="the front end does not build", environment=environment, folder=layout.FRONTEND
    )


def install_openid_provider(log: StepLog) -> None:
    """The OpenID provider that tests log in at."""
    _install(layout.OPENID_PROVIDER, log)


def _install(folder: Path, log: StepLog) -> dict[str, str]:
    """``npm ci`` without install scripts; the environment in which npm runs here."""
    environment = network.download_environment()
    if not host_has_node():
        environment["PATH"] = f"{layout.PYTHON.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    log.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        why=f"the packages of {folder.name} could not be fetched. {network.HINT}",
        environment=environment,
        folder=folder,
    )
    return environment
