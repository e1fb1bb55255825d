"""A syslog server of the tests' own: TLS with octet counting (RFC 5425), that can hang up in the middle."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ris_core.hl7.tests.certificates import Authority

HOST = "localhost"


@dataclass
class SyslogServer:
    """Listens on a free port of this machine; the messages that it has read whole are in ``taken``.

    :param folder: where its certificate is written
    :param hangs_up_after: the next connection is reset after so many messages; none: never
    """

    folder: Path
    hangs_up_after: int | None = None
    taken: list[bytes] = field(default_factory=list)

    @property
    def certificate(self) -> Path:
        """Who signed its certificate, for clients to trust."""
        return self._authority.ca

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._authority = Authority(self.folder, "syslog-ca")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = self._authority.issue("syslog")
        self._context.load_cert_chain(issued.certificate, issued.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _address = self._socket.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), plain:
                plain.settimeout(30)
                with self._context.wrap_socket(plain, server_side=True) as connection:
                    self._read(connection)
                    connection.unwrap()

    def _read(self, connection: ssl.SSLSocket) -> None:
        file = connection.makefile("rb")
        while length := b"".join(iter(lambda: file.read(1).strip(), b"")):
            if self.hangs_up_after is not None:
                if self.hangs_up_after == 0:
                    self.hangs_up_after = None
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    raise ConnectionResetError("as wanted")
                self.hangs_up_after -= 1
            self.taken.append(file.read(int(length)))
