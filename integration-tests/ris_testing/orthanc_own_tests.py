"""``make orthanc-tests CHECKOUT=…``: Orthanc's own integration tests, on the bare engine and with our plugins loaded.

The tests (``orthanc-tests``, GPL) are not part of this repository: a checkout of them is given. Orthanc runs with the
configuration that they ask for. What fails with our plugins, all automation off, must fail on the bare engine too.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ris_suite import layout, orthanc_config, sandbox
from ris_suite.engine import ORTHANC, installed_engine
from ris_suite.home_folder import give_to
from ris_suite.sandbox import Bind
from ris_testing.engine import free_port, make_home, migrate

_SHARED_FOLDER = Path("/tmp")
_WRAPPER = """#!/bin/sh
# The tests switch Lua on in the default configuration; Orthanc 1.13.0 no longer names that option there.
if [ -f "$1" ] && ! grep -q ExecuteLuaEnabled "$1"; then sed -i '0,/{{/s//{{ "ExecuteLuaEnabled": true,/' "$1"; fi
exec {command} "$@"
"""
_START_SECONDS = 60.0
_OUTCOME = re.compile(r"^(?:FAIL|ERROR): (test_\w+)", re.MULTILINE)
_RAN = re.compile(r"^Ran (\d+) tests?", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """One run of the tests."""

    ran: int
    failed: frozenset[str]


def main() -> int:
    """0 when nothing fails with our plugins that passes without them."""
    if len(sys.argv) < 2:
        print("usage: make orthanc-tests CHECKOUT=/path/to/orthanc-tests [TEST=Orthanc.test_name]", file=sys.stderr)
        return 2
    checkout, chosen = Path(sys.argv[1]).resolve(), sys.argv[2:]
    if not (checkout / "Tests" / "Run.py").exists():
        print(f"{checkout} is not a checkout of orthanc-tests", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="orthanc-tests-"))
    folder.chmod(0o755)  # Orthanc runs as another user
    try:
        bare = run(checkout, folder / "bare", chosen, with_plugins=False)
        print(f"bare engine:       {bare.ran} ran, {len(bare.failed)} failed", flush=True)
        ours = run(checkout, folder / "ours", chosen, with_plugins=True)
        print(f"with our plugins:  {ours.ran} ran, {len(ours.failed)} failed")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name in sorted(bare.failed & ours.failed):
        print(f"  fails on both: {name}")
    new = sorted(ours.failed - bare.failed)
    for name in new:
        print(f"  FAILS WITH OUR PLUGINS ONLY: {name}")
    if ours.ran != bare.ran or ours.ran == 0:
        print("  the two runs did not run the same tests")
        return 1
    return 1 if new else 0


def run(checkout: Path, folder: Path, chosen: list[str], *, with_plugins: bool) -> Outcome:
    """Starts an Orthanc in ``folder`` and runs the tests (all, or the chosen ones) against it."""
    folder.mkdir(parents=True)
    http_port, dicom_port = free_port(), free_port()
    wrapper = folder / "Orthanc"
    binds = [Bind(checkout), Bind(_SHARED_FOLDER, writable=True)]
    command = sandbox.engine_command([ORTHANC], binds, sandbox.service_account())
    wrapper.write_text(_WRAPPER.format(command=shlex.join(command)))
    wrapper.chmod(0o755)
    with _orthanc(checkout, folder, http_port, dicom_port, with_plugins=with_plugins):
        words = [
            str(layout.PYTHON),
            "Run.py",
            "--force",
            "--server=127.0.0.1",
            f"--rest={http_port}",
            f"--dicom={dicom_port}",
        ]
        result = subprocess.run(
            [*words, f"--orthanc={wrapper}", "--", *chosen],
            cwd=checkout / "Tests",
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    log = layout.ENGINE / "logs" / f"orthanc-tests-{folder.name}.log"
    log.write_text(result.stdout)
    ran = _RAN.search(result.stdout)
    print(f"(output of the tests: {log})")
    return Outcome(int(ran.group(1)) if ran else 0, frozenset(_OUTCOME.findall(result.stdout)))


@contextmanager
def _orthanc(checkout: Path, folder: Path, http_port: int, dicom_port: int, *, with_plugins: bool) -> Iterator[None]:
    environment = make_home(folder / "home")
    engine = installed_engine()
    settings = orthanc_config.OrthancSettings(
        storage=folder / "storage",
        http_port=http_port,
        dicom_port=dicom_port,
        plugins=engine.plugins(),
        python_script=layout.PLUGINS / "orthanc_main.py",
        temporary=folder / "temporary",
        automation=False,
    )
    for path in (settings.storage, settings.temporary):
        path.mkdir()
    configuration = {**orthanc_config.render(settings), **_wanted(checkout, folder, http_port, dicom_port)}
    configuration |= {"StorageDirectory": str(settings.storage), "IndexDirectory": str(settings.storage)}
    configuration |= {"HttpPort": http_port, "DicomPort": dicom_port, "DicomModalitiesInDatabase": False}
    # without GDCM: the tests ask for JPEG-LS, which ends an Orthanc that has loaded it (docs/adr on the engine)
    configuration["Plugins"] = [name for name in settings.plugins if "Gdcm" not in name]
    if with_plugins:
        migrate(environment)
    else:
        configuration["Plugins"] = [name for name in configuration["Plugins"] if "Python" not in name]
        del configuration["PythonScript"]
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    account = sandbox.service_account()
    if account is not None:
        give_to(folder, account)
    inside = ["/usr/bin/env", f"LD_PRELOAD={engine.shim}", "TCP_NODELAY=1", ORTHANC, str(folder / "orthanc.json")]
    binds = [Bind(layout.REPOSITORY), Bind(checkout), Bind(_SHARED_FOLDER, writable=True)]
    paths = os.pathsep.join([str(layout.PLUGINS), str(layout.ENGINE_SITE_PACKAGES)])
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(
            sandbox.engine_command(inside, binds, account),
            env={**os.environ, **environment, "QUANG_AUTOMATION": "off", "PYTHONPATH": paths},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(process, http_port, folder / "orthanc.log")
        yield
    finally:
        process.terminate()
        process.wait(60)


def _wanted(checkout: Path, folder: Path, http_port: int, dicom_port: int) -> dict[str, Any]:
    """The configuration that the checkout's own script makes, from the defaults of the Orthanc that is installed.

    (The script would fetch the defaults from the development branch.)
    """
    defaults, wanted = folder / "defaults.json", folder / "wanted.json"
    folder.chmod(0o777)
    account = sandbox.service_account()
    dump = sandbox.engine_command([ORTHANC, f"--config={defaults}"], [Bind(folder, writable=True)], account)
    subprocess.run(dump, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    arguments = ["Generate", "--force", f"--target={wanted}", f"--dicom={dicom_port}"]

    class Answer:
        def __init__(self, url: str) -> None:
            self.url = url

        def getcode(self) -> int:
            return 200

        def read(self) -> bytes:
            return defaults.read_bytes()

    with mock.patch.object(urllib.request, "urlopen", Answer), mock.patch.object(sys, "argv", arguments):
        runpy.run_path(str(checkout / "GenerateConfigurationForTests.py"), run_name="__main__")
    text = wanted.read_text().replace(":8042/", f":{http_port}/")
    configuration: dict[str, Any] = json.loads(text)
    for modality in configuration["DicomModalities"].values():
        if isinstance(modality, list) and modality[0] == "ORTHANC":
            modality[2] = dicom_port
        elif isinstance(modality, dict) and modality["AET"] == "ORTHANC":
            modality["Port"] = dicom_port
    del configuration["Plugins"]
    return configuration


def _wait_until_it_answers(process: subprocess.Popen[bytes], http_port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http_port}/system", timeout=5)
        except urllib.error.HTTPError:
            return  # it asks for a password
        except OSError as problem:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Orthanc did not start ({problem}):\n{log.read_text()[-3000:]}") from problem
            time.sleep(0.2)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
