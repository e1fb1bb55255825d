"""Post one message by HTTP: to the address that was checked, nowhere else, within a time and a size."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException

from ris_core.errors import QuangError
from ris_core.outbox.errors import AnswerUnreadable, NotAcknowledged, ReceiverUnreachable
from ris_core.settings import Settings
from ris_core.webhooks.rules import Address, parsed_address, refuse_inner_address, signature

_KEPT_BYTES = 2000


class NoAnswer(QuangError):
    """The receiver did not answer in time, or closed the connection; it may have the event."""

    code = "QUANG-5302"


def post(url: str, secret: str, event_id: str, event: str, body: bytes, settings: Settings) -> bytes:
    """Post an event, signed; see :func:`post_message`."""
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Quang-Event": event,
        "Quang-Event-Id": event_id,
        "Quang-Timestamp": str(timestamp),
        "Quang-Signature": signature(secret, timestamp, body),
    }
    return post_message(url, headers, body, settings)


def post_message(url: str, headers: Mapping[str, str], body: bytes, settings: Settings) -> bytes:
    """Post ``body``; status and beginning of the answer, as kept for people. Redirections are not followed.

    :raises AddressRefused, InvalidValue: it may not be sent there
    :raises ReceiverUnreachable: no connection could be opened
    :raises NotAcknowledged: it answered otherwise than by 2xx
    :raises AnswerUnreadable: it answered no HTTP, or more than ``delivery.max_acknowledgement_bytes``
    :raises NoAnswer: it did not answer within ``delivery.timeout_seconds``
    """
    plain_hosts = settings.webhooks.plain_hosts.split()
    address = parsed_address(url, plain_hosts)
    timeout = settings.delivery.timeout_seconds
    connected = _connected(address, plain_hosts, timeout)
    late = threading.Event()
    over = threading.Timer(timeout, _cut, (connected, late))  # all of it, however slowly it drips
    over.daemon = True
    over.start()
    try:
        answer = _exchanged(connected, address, headers, body, settings)
    except (HTTPException, ValueError) as error:
        if isinstance(error, ConnectionError) or late.is_set():  # RemoteDisconnected is both
            raise _no_answer(timeout) from error
        raise AnswerUnreadable(f"the receiver's answer is no HTTP ({type(error).__name__})") from error
    except OSError as error:
        raise _no_answer(timeout) from error
    finally:
        over.cancel()
        connected.close()
    if late.is_set():  # what was read ends where it was cut
        raise _no_answer(timeout)
    return answer


def _no_answer(timeout_seconds: float) -> NoAnswer:
    return NoAnswer(f"the receiver did not answer within {timeout_seconds:g} s, or closed the connection")


def _exchanged(
    connected: socket.socket, address: Address, headers: Mapping[str, str], body: bytes, settings: Settings
) -> bytes:
    connection = HTTPConnection(address.host, address.port)
    connection.sock = connected
    complete = {**headers, "Host": address.netloc, "User-Agent": "Quang", "Connection": "close"}
    connection.request("POST", address.path, body, complete)
    response = connection.getresponse()
    most = settings.delivery.max_acknowledgement_bytes
    answered = response.read(most + 1)
    if len(answered) > most:
        raise AnswerUnreadable(f"the receiver answered more than {most} bytes")
    kept = f"HTTP {response.status}\r\n\r\n".encode() + answered[:_KEPT_BYTES]
    if not 200 <= response.status < 300:
        reason = "redirections are not followed" if 300 <= response.status < 400 else "it has to answer 2xx"
        raise NotAcknowledged(f"the receiver answered HTTP {response.status}; {reason}", answer=kept)
    return kept


def _connected(address: Address, plain_hosts: list[str], timeout_seconds: float) -> socket.socket:
    """A connection to the very address that was checked: a name that changes in between leads nowhere else."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ReceiverUnreachable("the receiver's name is not known") from error
    for *_, place in found:
        refuse_inner_address(address.host, str(place[0]), plain_hosts)
    last: OSError | None = None
    for *_, place in found:
        try:
            connected = socket.create_connection((str(place[0]), address.port), timeout_seconds)
            if address.scheme == "http":
                return connected
            return ssl.create_default_context().wrap_socket(connected, server_hostname=address.host)
        except OSError as error:
            last = error
    reason = "its certificate is not trusted" if isinstance(last, ssl.SSLError) else "no connection"
    raise ReceiverUnreachable(f"the receiver cannot be reached: {reason}") from last


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already
