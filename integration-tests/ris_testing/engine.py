"""One Orthanc of the engine root by itself: bare, with a peer's plugin, or with ours, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ris_suite import engine as suite_engine
from ris_suite import layout, orthanc_config, sandbox
from ris_suite.layout import SuiteHome
from ris_testing.migrated import begin_migrated

START_SECONDS = 60.0
STOP_SECONDS = 40.0
_SECRETS = (
    "django_secret_key", "viewer_signing_key", "service_token_web", "service_token_worker", "service_token_monitor",
    "credential_sealing_key",
)  # fmt: skip


class EngineFailed(Exception):
    """Orthanc did not start or ended by itself; ``str()`` has its last lines."""


@dataclass
class Engine:
    """A running Orthanc."""

    folder: Path
    http_port: int
    dicom_port: int
    process: subprocess.Popen[bytes]
    token: str = field(repr=False)
    gate_port: int = 0
    """Where devices are let in, when the gate stands before the engine."""

    @property
    def device_port(self) -> int:
        """Where devices connect."""
        return self.gate_port or self.dicom_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def get(self, path: str) -> Any:
        """The JSON that Orthanc's REST API answers, asked with the monitor's token."""
        return json.loads(self._request(path))

    def put(self, path: str, body: object) -> None:
        self._request(path, method="PUT", body=json.dumps(body).encode())

    def _request(self, path: str, *, method: str = "GET", body: bytes | None = None) -> bytes:
        request = urllib.request.Request(  # noqa: S310 (our own loopback address)
            self.url + path, data=body, method=method, headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (our own loopback address)
            content: bytes = response.read()
        return content

    def log(self) -> str:
        return (self.folder / "orthanc.log").read_text(errors="replace")


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_home(folder: Path) -> dict[str, str]:
    """A suite's home with fresh secrets and a SQLite database to be migrated; returns its environment."""
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    for name in _SECRETS:
        path = folder / "secrets" / name
        if not path.exists():
            path.write_text(secrets.token_urlsafe(43))
    return {
        "QUANG_HOME": str(folder),
        "QUANG_SETTINGS": str(folder / "quang.toml"),
        "QUANG_SECRETS_DIR": str(folder / "secrets"),
        "QUANG_DATABASE_URL": f"sqlite:///{folder}/quang.sqlite3",
        "QUANG_MLLP_PORT": str(free_port()),
        "QUANG_MPPS_PORT": str(free_port()),
    }


def migrate(environment: Mapping[str, str]) -> None:
    """Make the tables of the home's database; one on SQLite begins as a copy."""
    if environment["QUANG_DATABASE_URL"].startswith("sqlite:"):
        begin_migrated(SuiteHome(Path(environment["QUANG_HOME"])), "sqlite")
    subprocess.run(
        [str(layout.PYTHON), str(layout.RIS_WEBAPP / "manage.py"), "migrate", "--noinput", "-v", "0"],
        env={**_inherited(), **environment, "PYTHONPATH": f"{layout.PLUGINS}:{layout.RIS_WEBAPP}"},
        check=True,
    )


@contextmanager
def running_engine(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    changes: Mapping[str, object] | None = None,
    python: bool = True,
    plugins: tuple[str, ...] = (),
    automation: bool = True,
    gate: bool = False,
) -> Iterator[Engine]:
    """Orthanc with the suite's configuration, its data under ``folder``.

    ``environment`` is a suite's (:func:`make_home`); without ``python`` the engine is bare: the same settings, none of
    our code. ``plugins`` are further ones of the engine's own by file name (``libModalityWorklists.so``); ``changes``
    are laid over the configuration. With ``gate`` devices are let in at another port, as in a suite.

    :raises EngineFailed: when it does not start, does not stop in :data:`STOP_SECONDS`, or not with success
    """
    data = folder / "orthanc"
    for path in (data, folder / "temporary"):
        path.mkdir(parents=True, exist_ok=True)
    installed = suite_engine.installed_engine()
    http_port, dicom_port, gate_port = free_port(), free_port(), free_port() if gate else 0
    if gate:
        environment = {
            **(environment or {}), "QUANG_DICOM_PORT": str(gate_port), "QUANG_ENGINE_DICOM_PORT": str(dicom_port),
        }  # fmt: skip
    configuration = orthanc_config.render(
        orthanc_config.OrthancSettings(
            storage=data,
            http_port=http_port,
            dicom_port=dicom_port,
            plugins=installed.plugins(),
            python_script=layout.PLUGINS / "orthanc_main.py",
            temporary=folder / "temporary",
            automation=automation,
        )
    )
    if not python:
        configuration["Plugins"] = [name for name in configuration["Plugins"] if "Python" not in name]
        del configuration["PythonScript"], configuration["Python"], configuration["LuaScripts"]
    configuration["Plugins"] += [f"/usr/share/orthanc/plugins/{name}" for name in plugins]
    configuration |= changes or {}
    (folder / "orthanc.json").write_text(json.dumps(configuration, indent=2))
    account = sandbox.service_account()
    if account is not None:
        _give(folder, account)
    binds = [sandbox.Bind(layout.REPOSITORY), sandbox.Bind(folder, writable=True)]
    command = sandbox.engine_command(
        [
            "/usr/bin/env", f"LD_PRELOAD={installed.shim}", "TCP_NODELAY=1", "QUANG_DICOM_HOST=127.0.0.1",
            suite_engine.ORTHANC, str(folder / "orthanc.json"),
        ],
        binds,
        account,
    )  # fmt: skip
    token_file = Path(environment["QUANG_SECRETS_DIR"]) / "service_token_monitor" if environment else None
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **_inherited(),
                **(environment or {}),
                "PYTHONPATH": f"{layout.PLUGINS}:{layout.ENGINE_SITE_PACKAGES}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
    engine = Engine(folder, http_port, dicom_port, process, token_file.read_text() if token_file else "", gate_port)
    try:
        _wait_until_it_answers(engine)
        yield engine
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise EngineFailed(f"Orthanc hung at its stop or ended with {process.returncode}:\n{engine.log()[-4000:]}")


def _wait_until_it_answers(engine: Engine) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if engine.process.poll() is not None:
            raise EngineFailed(engine.log()[-4000:])
        try:
            engine.get("/system")
            return
        except (OSError, urllib.error.URLError) as problem:
            if time.monotonic() > deadline:
                raise EngineFailed(f"{problem}\n{engine.log()[-4000:]}") from problem
        time.sleep(0.1)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("QUANG_", "DJANGO_"))}


def _give(folder: Path, account: sandbox.ServiceAccount) -> None:
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, account.uid, account.gid)
