"""A mail server of the tests' own: SMTP with STARTTLS, over TLS or in the clear, with login, that can refuse."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from ris_core.hl7.tests.certificates import Authority

USERNAME, PASSWORD = "quang", "mot-mat-khau-thu"
HOST = "localhost"
"""As its certificate names it."""
LISTENS_AT = "127.0.0.1"


@dataclass
class MailServer:
    """Listens on a free port of this machine; what it has taken is in ``taken``.

    :param folder: where its certificate is written
    """

    folder: Path
    security: Literal["starttls", "tls", "none"] = "starttls"
    refuses: str = ""
    """The answer to every recipient, such as ``550 no such mailbox``; empty: all are taken."""
    taken: list[bytes] = field(default_factory=list)
    attempts: int = 0

    @property
    def certificate(self) -> Path:
        """Who signed its certificate, for clients to trust."""
        return self._authority.ca

    @property
    def port(self) -> int:
        return _address(self._controller)[1]

    @property
    def messages(self) -> list[EmailMessage]:
        """What it has taken, read."""
        return [message_from_bytes(raw, policy=default) for raw in self.taken]

    def __enter__(self) -> Self:
        self._authority = Authority(self.folder, "mail-ca")
        options: dict[str, Any] = {"hostname": LISTENS_AT, "port": 0}
        if self.security != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issued = self._authority.issue("mail")
            context.load_cert_chain(issued.certificate, issued.key)
            options |= {"authenticator": _authenticate, "auth_required": True}
            if self.security == "tls":
                options |= {"ssl_context": context, "auth_require_tls": False}
            else:
                options |= {"tls_context": context, "require_starttls": True}
        self._controller = _Anywhere(self, **options)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.attempts += 1
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append(envelope.content)
        return "250 taken"


class _Anywhere(Controller):
    """A controller that lets the system choose the port; its own first call would go to port 0."""

    def _trigger_server(self) -> None:
        with socket.create_connection(_address(self), timeout=5):
            return


def _address(controller: Controller) -> tuple[str, int]:
    server = controller.server
    assert isinstance(server, asyncio.Server)
    host, port = server.sockets[0].getsockname()[:2]
    return str(host), int(port)


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=good)
