"""PostgreSQL of one suite: a cluster in its home, reached over a Unix socket that only the suite's user can open."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from ris_suite import sandbox
from ris_suite.engine import installed_engine
from ris_suite.layout import SuiteHome
from ris_suite.sandbox import Bind, ServiceAccount
from ris_suite.settings import postgres_socket_folder

socket_folder = postgres_socket_folder

LEAST_BUFFERS_MB: Final = 128
MOST_BUFFERS_MB: Final = 2048


class PostgresqlProblem(Exception):
    """The cluster could not be made; ``str()`` holds what initdb said."""


def server_command(home: SuiteHome) -> list[str]:
    """The server, in the foreground. Durability is PostgreSQL's default: fsync and synchronous_commit are on."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder(home)),
        "unix_socket_permissions": "0700",
        "max_connections": "120",
        "shared_buffers": f"{buffers_mb()}MB",
        "log_min_messages": "warning",
        "timezone": "UTC",
    }
    command = [str(_programs() / "postgres"), "-D", str(home.postgres)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    return command


def buffers_mb() -> int:
    """Memory for the database's pages in megabytes: an eighth of the machine's, taken only as pages are read."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return max(LEAST_BUFFERS_MB, min(MOST_BUFFERS_MB, machine // 8))


def ensure_cluster(home: SuiteHome, account: ServiceAccount | None) -> None:
    """Makes the cluster and its database ``quang`` when there is none.

    Raises:
        PostgresqlProblem: initdb or the making of the database failed.
    """
    if (home.postgres / "PG_VERSION").exists():
        return
    binds = [Bind(home.path, writable=True)]
    initdb = [str(_programs() / "initdb"), "-D", str(home.postgres), "-U", "quang", "-E", "UTF8", "--locale=C.UTF-8"]
    _run(sandbox.engine_command([*initdb, "--auth=trust", "--no-instructions"], binds, account))
    single = [str(_programs() / "postgres"), "--single", "-D", str(home.postgres), "postgres"]
    _run(sandbox.engine_command(single, binds, account), statement="CREATE DATABASE quang OWNER quang;\n")


def _programs() -> Path:
    programs = installed_engine().postgresql_programs()
    if programs is None:
        raise PostgresqlProblem("PostgreSQL is not installed: run 'make setup QUANG_DATABASE=postgresql'")
    return programs


def _run(command: list[str], statement: str = "") -> None:
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8"}
    result = subprocess.run(command, input=statement, capture_output=True, text=True, env=environment, check=False)
    if result.returncode != 0:
        raise PostgresqlProblem((result.stderr or result.stdout).strip())
