"""The syslog server that hospitals run: Debian's own rsyslog on loopback, over TLS, which asks for our certificate.

It writes each message as a line of JSON with what its own parser made of the frame (RFC 5424), and as it came.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ris_core.hl7.tests.certificates import Authority, Files
from ris_suite import sandbox
from ris_suite.engine import RSYSLOGD
from ris_suite.ports import is_taken
from ris_suite.sandbox import Bind

HOST: Final = "localhost"
"""As its certificate names it."""
_START_SECONDS: Final = 60
_PORTS: Final = range(20_000, 32_768)
"""Below those that this machine gives to outgoing connections, one of which could take it during an outage."""

_CONFIGURATION: Final = """
global(
  workDirectory="{folder}"
  maxMessageSize="64k"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{folder}/syslog-ca.pem"
  defaultNetstreamDriverCertFile="{folder}/syslog.crt"
  defaultNetstreamDriverKeyFile="{folder}/syslog.key"
)
main_queue(queue.type="Direct")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
template(name="parsed" type="string" string="%jsonmesg%\\n")
ruleset(name="audit") {{ action(type="omfile" file="{folder}/audit.log" template="parsed") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="audit")
"""
"""As ``docs/how-to/audit.md`` has it; the direct queue has a message written before the connection is closed."""


class SyslogServerMissing(Exception):
    """There is no rsyslogd; ``make setup-test`` puts it into the engine's root."""


@dataclass
class RsyslogServer:
    """One rsyslogd; :meth:`stop` or :meth:`kill`, and :meth:`start` again, play an outage."""

    folder: Path
    client: Files = field(init=False)
    """The certificate, with its key, of those who may send."""
    port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(self.folder, "syslog-ca")
        authority.issue("syslog")
        self.ca, self.client = authority.ca, authority.issue("quang")
        self.port = next(port for port in random.sample(_PORTS, len(_PORTS)) if not is_taken(port))
        configuration = _CONFIGURATION.format(folder=self.folder, port=self.port)
        (self.folder / "rsyslog.conf").write_text(configuration)
        self._account = sandbox.service_account()
        if self._account:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self._account.uid, self._account.gid)

    def start(self) -> None:
        arguments = [RSYSLOGD, "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "rsyslog.pid")]
        command = sandbox.engine_command(arguments, [Bind(self.folder, writable=True)], self._account)
        (self.folder / "rsyslog.pid").unlink(missing_ok=True)
        with (self.folder / "rsyslog.out").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "rsyslog.out").read_text()[-2000:]
                raise SyslogServerMissing(f"rsyslogd does not start: {said}; run 'make setup-test'")
            time.sleep(0.05)

    def stop(self) -> None:
        """In good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def kill(self) -> None:
        """At once, whatever it was doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def lines(self) -> int:
        """How many whole lines it has written."""
        file = self.folder / "audit.log"
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def taken(self) -> list[dict[str, Any]]:
        """What it has written; a line that it was killed in is none."""
        file = self.folder / "audit.log"
        whole = file.read_text(encoding="utf-8").split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in whole]


@contextlib.contextmanager
def rsyslog_server(folder: Path) -> Iterator[RsyslogServer]:
    """A running one."""
    server = RsyslogServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
