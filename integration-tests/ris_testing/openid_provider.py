"""A hospital's OpenID provider: panva's oidc-provider, certified by the OpenID Foundation, run by node on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ris_suite import layout
from ris_testing.waiting import wait_until

CLIENT_SECRET = "khoa-cua-quang-o-noi-xac-thuc"
_NODE = layout.VIRTUALENV / "bin" / "node"
Claims = Mapping[str, Any]


class OpenidProviderMissing(Exception):
    """The provider's packages are not there; ``make setup-test`` installs them."""


@dataclass
class OpenidProviderServer:
    """One provider; :meth:`stop` and :meth:`start` again play an outage, after which it remembers nobody.

    :param public_url: of the suite that is its client
    :param people: claims by login name; any password is taken
    """

    port: int
    name: str
    public_url: str
    people: Mapping[str, Claims]
    log: Path
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when it answers."""
        if not (layout.OPENID_PROVIDER / "node_modules").exists():
            raise OpenidProviderMissing("run 'make setup-test'")
        own = f"{self.public_url}/login/with/{self.name}"
        client = {
            "client_id": "quang",
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{own}/return/"],
            "post_logout_redirect_uris": [f"{self.public_url}/login/"],
            "backchannel_logout_uri": f"{own}/ended/",
            "backchannel_logout_session_required": True,
        }
        said = json.dumps({"port": self.port, "client": client, "people": self.people})
        with self.log.open("ab") as log:
            begin = self.log.stat().st_size
            self._process = subprocess.Popen(
                [str(_NODE), "provider.mjs", said], cwd=layout.OPENID_PROVIDER, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        wait_until(lambda: b"ready" in self.log.read_bytes()[begin:], "the OpenID provider starts")

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)  # the virtual environment's node is a script that starts node
            self._process.wait(30)
            self._process = None


@contextmanager
def openid_provider(server: OpenidProviderServer) -> Iterator[OpenidProviderServer]:
    """``server``, running; stopped at the end."""
    server.start()
    try:
        yield server
    finally:
        server.stop()
