"""The host's virtual environment (``.venv``) and the engine's Python packages, both exactly as ``uv.lock`` says."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from ris_suite import layout
from ris_suite.engine import installed_engine
from ris_suite.setup import engine_root, network
from ris_suite.setup.runner import StepLog

UV_REQUIREMENTS = Path(__file__).with_name("uv-requirements.txt")
SOURCES = (layout.PLUGINS, layout.RIS_WEBAPP / "ris_webapp", layout.RIS_WEBAPP / "ris_suite")


def install_uv(log: StepLog) -> None:
    """uv, pinned by hash, in a small virtual environment of its own."""
    home = layout.UV.parents[1]
    shutil.rmtree(home, ignore_errors=True)
    environment = network.download_environment()
    log.run([sys.executable, "-m", "venv", home], why="python3 -m venv failed", environment=environment)
    log.run(
        [
            home / "bin/pip",
            "install",
            "-q",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "-r",
            UV_REQUIREMENTS,
        ],
        why=f"uv could not be fetched from PyPI. {network.HINT}",
        environment=environment,
    )


def make_virtualenv(log: StepLog) -> None:
    """The packages of ``uv.lock`` with their bytecode."""
    environment = {**network.download_environment(), "VIRTUAL_ENV": str(layout.VIRTUALENV)}
    mirror = network.python_mirror()
    why = f"the Python packages could not be fetched. {network.HINT}"
    if mirror is None:
        log.run(
            [
                layout.UV,
                "sync",
                "--frozen",
                "--no-config",
                "--compile-bytecode",
                "--python",
                sys.executable,
                "--no-python-downloads",
            ],
            why=why,
            environment=environment,
            folder=layout.REPOSITORY,
        )
        return
    # the lock names pypi.org; a mirror serves the same files, which the hashes prove
    requirements = layout.ENGINE / "requirements.txt"
    requirements.write_text(_export(log))
    if not layout.PYTHON.exists():
        log.run(
            [layout.UV, "venv", "--python", sys.executable, layout.VIRTUALENV],
            why="uv venv failed",
            environment=environment,
        )
    log.run(
        [layout.UV, "pip", "sync", "--require-hashes", "--compile-bytecode", "--default-index", mirror, requirements],
        why=why,
        environment=environment,
        folder=layout.REPOSITORY,
    )


def compile_sources(log: StepLog) -> None:
    """Bytecode of our own packages: the suite's user may write none, and each of its processes would compile anew."""
    log.run(
        [layout.PYTHON, "-m", "compileall", "-q", "-j", "0", *SOURCES],
        why="our own sources do not compile",
    )


def install_engine_packages(log: StepLog) -> None:
    """The dependency group ``engine``, as wheels for the interpreter inside Orthanc, with its bytecode."""
    version = installed_engine().python_version()
    requirements = layout.ENGINE / "engine-requirements.txt"
    requirements.write_text(_export(log, "--only-group", "engine"))
    building = layout.ENGINE / "site-packages.building"
    shutil.rmtree(building, ignore_errors=True)
    command: list[str | Path] = [
        layout.UV,
        "pip",
        "install",
        "--no-config",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    command += ["--python-version", version, "--target", building, "-r", requirements]
    if mirror := network.python_mirror():
        command += ["--default-index", mirror]
    log.run(
        command,
        why=f"the engine's Python packages (Python {version}) could not be fetched. {network.HINT}",
        environment=network.download_environment(),
        folder=layout.REPOSITORY,
    )
    engine_root.compile_packages(log, building, layout.ENGINE_SITE_PACKAGES)
    shutil.rmtree(layout.ENGINE_SITE_PACKAGES, ignore_errors=True)
    building.rename(layout.ENGINE_SITE_PACKAGES)


def _export(log: StepLog, *which: str) -> str:
    """The locked packages as requirements with hashes."""
    command = [
        str(layout.UV),
        "export",
        "--frozen",
        "--no-config",
        "--no-emit-project",
        "--format",
        "requirements-txt",
        *which,
    ]
    log.write("$ " + " ".join(command))
    result = subprocess.run(
        command, cwd=layout.REPOSITORY, env=network.download_environment(), capture_output=True, text=True, check=True
    )
    return result.stdout
