"""One running suite, the same to a scenario whether it is processes of this machine or containers.

``QUANG_BACKEND`` chooses (``processes``, the default, or ``containers``), ``QUANG_DATABASE`` the database (``sqlite``
or ``postgresql``; containers always have PostgreSQL). The fixture ``suite`` (``integration-tests/conftest.py``) gives
one suite for the whole run, ``new_suite`` makes one of its own for a scenario that breaks things::

    def test_orders_survive(suite: RunningSuite) -> None:
        send(order, suite.mllp)
        suite.kill(Part.ORTHANC)
        suite.wait_healthy(Part.ORTHANC)
"""

from __future__ import annotations

import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

BackendName = Literal["processes", "containers"]
Database = Literal["sqlite", "postgresql"]


class Part(StrEnum):
    """The parts of a suite, by the names of ``make status`` and of the services in ``compose.yaml``."""

    POSTGRES = "postgres"
    ORTHANC = "orthanc"
    WEB = "web"
    EVENTS = "events"
    WORKER = "worker"
    MPPS = "mpps"
    NGINX = "nginx"


@dataclass(frozen=True)
class Address:
    """Where something listens."""

    host: str
    port: int


class SuiteProblem(Exception):
    """The suite did not do what it was told; ``str()`` says what happened, with the last lines of the log."""


class RunningSuite(ABC):
    """A suite that is up, with the demo's logins, devices and services in it.

    Addresses are as the test sees them. A server that a test opens for the suite to call (a simulated HIS) listens on
    ``listen_host`` and is known to the suite as ``reachable_host``.
    """

    backend: BackendName
    database: Database
    public_url: str
    """The front door, without a slash at the end."""
    orthanc_url: str
    """Orthanc's own HTTP, which asks for a service token; not published in production."""
    dicom: Address
    mllp: Address
    mpps: Address
    """Where devices report performed procedure steps."""
    listen_host: str
    reachable_host: str
    ae_title: str = "QUANG"

    @abstractmethod
    def secret(self, name: str) -> str:
        """The content of a file in ``QUANG_SECRETS_DIR``, such as ``service_token_worker``."""

    @abstractmethod
    def read_home(self, path: str) -> str:
        """A text file under the ``QUANG_HOME`` of the web app, such as ``demo-logins.json``."""

    @abstractmethod
    def run_manage(self, *arguments: str, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs ``manage.py`` with these arguments inside the suite; whatever it answers."""

    @abstractmethod
    def kill(self, part: Part) -> None:
        """``kill -9`` of a part's main process, as a crash; whoever supervises the part starts it again."""

    @abstractmethod
    def pause(self, part: Part) -> None:
        """Freezes a part: its connections stay, and nothing answers on them."""

    @abstractmethod
    def resume(self, part: Part) -> None:
        """Lets a frozen part go on."""

    @abstractmethod
    def restart(self, part: Part) -> None:
        """Stops a part in good order, starts it again and waits until it is healthy."""

    @abstractmethod
    def restarts(self, part: Part) -> int:
        """How often a part was started again after it ended by itself or was killed."""

    @abstractmethod
    def wait_restarted(self, part: Part, restarts_before: int, timeout_seconds: float = 60) -> None:
        """Waits until a part was started again since it had been ``restarts_before`` times, and is healthy.

        :raises TimeoutError: when it was not in time
        """

    @abstractmethod
    def wait_healthy(self, *parts: Part, timeout_seconds: float = 60) -> None:
        """Waits until these parts (all, when none is named) are healthy.

        :raises TimeoutError: when they were not in time
        """

    @abstractmethod
    def logs(self, part: Part, lines: int = 100) -> list[str]:
        """The last lines that a part wrote."""

    @abstractmethod
    def down(self) -> None:
        """Stops everything. Data made for a test goes with its folder or volumes."""

    # ---- what follows from the above ----

    def manage(self, *arguments: str, timeout_seconds: float = 120) -> str:
        """What ``manage.py`` with these arguments printed.

        :raises SuiteProblem: when it failed, with what it said
        """
        result = self.run_manage(*arguments, timeout_seconds=timeout_seconds)
        if result.returncode != 0:
            raise SuiteProblem(f"manage.py {' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
        return result.stdout

    def run_python(self, code: str, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """Runs ``code`` with Django set up inside the suite, in a process of its own; whatever it answers."""
        return self.run_manage("shell", "--no-imports", "-c", code, timeout_seconds=timeout_seconds)

    def python(self, code: str, timeout_seconds: float = 120) -> str:
        """What a few lines of Python printed, run with Django set up inside the suite (to count rows, for example).

        :raises SuiteProblem: when they failed, with what they said
        """
        result = self.run_python(code, timeout_seconds)
        if result.returncode != 0:
            raise SuiteProblem(f"these lines failed:\n{code}\n{result.stdout}{result.stderr}")
        return result.stdout.strip()

    def demo_logins(self) -> dict[str, Any]:
        """Logins and tokens of the demo, as ``seed_demo`` wrote them."""
        logins: dict[str, Any] = json.loads(self.read_home("demo-logins.json"))
        return logins

    def crash(self, part: Part, timeout_seconds: float = 60) -> None:
        """Kills a part and waits until it is back and healthy."""
        before = self.restarts(part)
        self.kill(part)
        self.wait_restarted(part, before, timeout_seconds)


def chosen_backend(environment: Mapping[str, str] = os.environ) -> BackendName:
    """The backend that ``QUANG_BACKEND`` names.

    :raises ValueError: when it names none that there is
    """
    match environment.get("QUANG_BACKEND") or "processes":
        case "processes":
            return "processes"
        case "containers":
            return "containers"
        case other:
            raise ValueError(f"QUANG_BACKEND is {other!r}; it can be processes or containers")


def chosen_database(environment: Mapping[str, str] = os.environ) -> Database:
    """The database that ``QUANG_DATABASE`` names; containers have PostgreSQL.

    :raises ValueError: when it names none that there is, or SQLite for containers
    """
    backend = chosen_backend(environment)
    match environment.get("QUANG_DATABASE") or ("postgresql" if backend == "containers" else "sqlite"):
        case "postgresql":
            return "postgresql"
        case "sqlite" if backend == "processes":
            return "sqlite"
        case other:
            raise ValueError(f"QUANG_DATABASE is {other!r}, which {backend} do not have")
