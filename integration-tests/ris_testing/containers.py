"""The suite as containers: one Docker Compose project of its own, on free ports, gone with its volumes at the end."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ris_testing.backends import Address, Part, RunningSuite, SuiteProblem

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE_FILES = (REPOSITORY / "compose.yaml", REPOSITORY / "docker" / "compose.test.yaml")
_LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.25
_START_TIMEOUT_SECONDS = 180.0
_HOME = "/var/lib/quang"
_SECRETS = "/run/quang/secrets"


def compose_command() -> str:
    """``docker compose`` where there is that plugin, else ``docker-compose`` (Debian 12); ``QUANG_COMPOSE`` overrides.

    :raises SuiteProblem: when there is neither
    """
    if chosen := os.environ.get("QUANG_COMPOSE"):
        return chosen
    if shutil.which("docker") and _succeeds("docker", "compose", "version"):
        return "docker compose"
    if shutil.which("docker-compose"):
        return "docker-compose"
    raise SuiteProblem("Docker Compose is not installed: `docker/ensure-docker.sh` installs it from Debian's packages")


class ComposeProject:
    """One project of Docker Compose: its name, its settings, and the commands that drive it."""

    def __init__(self, command: str, name: str, env_file: Path) -> None:
        self.name = name
        self._compose = [*shlex.split(command), "--env-file", str(env_file)]
        for path in COMPOSE_FILES:
            self._compose += ["--file", str(path)]
        self._compose += ["--project-name", name]

    def run(self, *arguments: str, timeout_seconds: float = 600) -> str:
        """What a compose command printed.

        :raises SuiteProblem: when it failed, with what it said
        """
        result = self.try_run(*arguments, timeout_seconds=timeout_seconds)
        if result.returncode != 0:
            raise SuiteProblem(f"compose {' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def try_run(self, *arguments: str, timeout_seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a compose command; whatever it answers."""
        return subprocess.run(
            [*self._compose, *arguments], capture_output=True, text=True, timeout=timeout_seconds, check=False
        )

    def container(self, service: str) -> dict[str, Any]:
        """What ``docker inspect`` says about a service's container.

        :raises LookupError: when it has none
        """
        labels = (f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}")
        found = _docker("ps", "--all", "--quiet", *(f"--filter=label={label}" for label in labels)).split()
        if not found:
            raise LookupError(f"{service} has no container")
        inspected: list[dict[str, Any]] = json.loads(_docker("inspect", found[0]))
        return inspected[0]

    def health(self, service: str) -> str:
        """``healthy``, ``unhealthy``, ``starting``, or the container's state when it does not run."""
        try:
            state = self.container(service)["State"]
        except LookupError:
            return "absent"
        health: str = state.get("Health", {}).get("Status", "none") if state["Running"] else state["Status"]
        return health

    def wait_healthy(self, services: Iterable[str], timeout_seconds: float) -> None:
        """Waits until all of these are healthy.

        :raises TimeoutError: when they were not in time; names those that are not, with their last lines
        """
        waiting = list(services)
        deadline = time.monotonic() + timeout_seconds
        while waiting := [service for service in waiting if self.health(service) != "healthy"]:
            if time.monotonic() > deadline:
                last = "".join(f"\n{service}: {self.health(service)}\n{self.tail(service)}" for service in waiting)
                raise TimeoutError(f"not healthy after {timeout_seconds:.0f} s:{last}")
            time.sleep(_POLL_SECONDS)

    def tail(self, service: str, lines: int = 20) -> str:
        """The last lines that a service wrote."""
        return self.try_run("logs", "--no-color", f"--tail={lines}", service).stdout


class ContainerSuite(RunningSuite):
    """A suite of containers made by :func:`start_containers` or by pytest-docker."""

    backend = "containers"
    database = "postgresql"

    def __init__(self, project: ComposeProject, settings: Mapping[str, str]) -> None:
        self.project = project
        self.public_url = settings["QUANG_PUBLIC_URL"]
        self.orthanc_url = f"http://{_LOOPBACK}:{settings['QUANG_ORTHANC_PORT']}"
        self.dicom = Address(_LOOPBACK, int(settings["QUANG_DICOM_PORT"]))
        self.mllp = Address(_LOOPBACK, int(settings["QUANG_MLLP_PORT"]))
        self.mpps = Address(_LOOPBACK, int(settings["QUANG_MPPS_PORT"]))
        # the worker's own way out of its network leads to this machine
        networks: dict[str, Any] = project.container(Part.WORKER)["NetworkSettings"]["Networks"]
        self.listen_host = self.reachable_host = next(n["Gateway"] for n in networks.values() if n["Gateway"])

    def secret(self, name: str) -> str:
        return self.project.run("exec", "-T", Part.WEB, "cat", f"{_SECRETS}/{name}").strip()

    def read_home(self, path: str) -> str:
        return self.project.run("exec", "-T", Part.WEB, "cat", f"{_HOME}/{path}")

    def run_manage(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return self.project.try_run("exec", "-T", Part.WEB, "manage", *arguments, timeout_seconds=timeout_seconds)

    def kill(self, part: Part) -> None:
        # not `docker kill`: the engine would take that for an operator's wish and not start it again
        os.kill(self.project.container(part)["State"]["Pid"], signal.SIGKILL)

    def pause(self, part: Part) -> None:
        self.project.run("pause", part)

    def resume(self, part: Part) -> None:
        self.project.run("unpause", part)

    def restart(self, part: Part) -> None:
        self.project.run("restart", part)
        self.wait_healthy(part)

    def restarts(self, part: Part) -> int:
        count: int = self.project.container(part)["RestartCount"]
        return count

    def wait_restarted(self, part: Part, restarts_before: int, timeout_seconds: float = 60) -> None:
        deadline = time.monotonic() + timeout_seconds
        while self.restarts(part) <= restarts_before or self.project.health(part) != "healthy":
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{part} was not restarted after {timeout_seconds:.0f} s:\n{self.project.tail(part)}"
                )
            time.sleep(_POLL_SECONDS)

    def wait_healthy(self, *parts: Part, timeout_seconds: float = 60) -> None:
        self.project.wait_healthy(parts or tuple(Part), timeout_seconds)

    def logs(self, part: Part, lines: int = 100) -> list[str]:
        return self.project.tail(part, lines).splitlines()

    def down(self) -> None:
        self.project.run("down", "--volumes", "--timeout", "10")


def project_settings(overrides: Mapping[str, str], *, demo: bool) -> dict[str, str]:
    """The variables of ``compose.yaml`` for a suite of a test's own: free ports, quick to call a study stable."""
    http, dicom, mllp, mpps, orthanc = _free_ports(5)
    scheme = "https" if overrides.get("QUANG_HTTPS") == "on" else "http"
    return {
        "QUANG_HTTP_PORT": str(http),
        "QUANG_DICOM_PORT": str(dicom),
        "QUANG_MLLP_PORT": str(mllp),
        "QUANG_MPPS_PORT": str(mpps),
        "QUANG_ORTHANC_PORT": str(orthanc),
        "QUANG_PUBLIC_URL": f"{scheme}://{_LOOPBACK}:{http}",
        "QUANG_STABLE_AGE_SECONDS": "2",
        "QUANG_DEMO": "on" if demo else "off",
        **overrides,
    }


def write_env_file(path: Path, settings: Mapping[str, str]) -> None:
    """The file that ``docker compose --env-file`` reads, and that the containers are given their overrides from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name}={value}\n" for name, value in {**settings, "QUANG_ENV_FILE": path}.items()))


def start_containers(home: Path, overrides: Mapping[str, str], *, demo: bool) -> ContainerSuite:
    """Starts a project of its own and waits until it is healthy. The images must have been built (``make images``).

    :raises SuiteProblem: when it does not come up; it is taken down again
    """
    settings = project_settings(overrides, demo=demo)
    env_file = home / "compose.env"
    write_env_file(env_file, settings)
    project = ComposeProject(compose_command(), f"quang-test-{secrets.token_hex(4)}", env_file)
    try:
        return bring_up(project, settings)
    except SuiteProblem:
        project.try_run("down", "--volumes", "--timeout", "5")
        raise


def bring_up(project: ComposeProject, settings: Mapping[str, str]) -> ContainerSuite:
    """Starts a project and waits until every part of it is healthy.

    :raises SuiteProblem: when it does not come up, with the last lines of whatever is not healthy
    """
    try:
        project.run("up", "--detach", "--no-build")
        project.wait_healthy(Part, _START_TIMEOUT_SECONDS)
    except (SuiteProblem, TimeoutError) as problem:
        states = {service: project.health(service) for service in ("secrets", "migrate", *Part)}
        said = "".join(
            f"\n---- {service}: {state}\n{project.tail(service)}"
            for service, state in states.items()
            if state != "healthy"
        )
        raise SuiteProblem(f"the containers did not come up: {problem}{said}") from problem
    return ContainerSuite(project, settings)


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind((_LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _docker(*arguments: str) -> str:
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SuiteProblem(f"docker {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
