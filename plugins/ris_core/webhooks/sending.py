"""Post one message by HTTP: to the address that was checked, nowhere else, within a time and a size."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

from ris_core.errors import QuangError
from ris_core.outbox.errors import AnswerUnreadable, NotAcknowledged, ReceiverUnreachable
from ris_core.settings import Settings
from ris_core.webhooks.rules import Address, parsed_address, refuse_inner_address, signature

_KEPT_BYTES = 2000


class NoAnswer(QuangError):
    """The receiver did not answer in time, or closed the connection; it may have the event."""

    code = "QUANG-5302"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a request may go, how long it waits and how much is read."""

    inner_hosts: Collection[str]
    """Hosts that may be on this machine."""
    timeout_seconds: float
    """For the whole exchange."""
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server answered, whatever its status."""

    status: int
    content_type: str
    content: bytes


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
    hosts = settings.webhooks.plain_hosts.split()
    bounds = Bounds(hosts, settings.delivery.timeout_seconds, settings.delivery.max_acknowledgement_bytes)
    answer = ask(parsed_address(url, hosts), headers, body, bounds)
    kept = f"HTTP {answer.status}\r\n\r\n".encode() + answer.content[:_KEPT_BYTES]
    if not 200 <= answer.status < 300:
        reason = "redirections are not followed" if 300 <= answer.status < 400 else "it has to answer 2xx"
        raise NotAcknowledged(f"the receiver answered HTTP {answer.status}; {reason}", answer=kept)
    return kept


def ask(address: Address, headers: Mapping[str, str], body: bytes, bounds: Bounds) -> Answered:
    """Post ``body`` to an address that an administrator set, and nowhere else.

    :raises AddressRefused: it leads to this machine, or to an address of no network
    :raises ReceiverUnreachable: no connection could be opened
    :raises AnswerUnreadable: it answered no HTTP, or too much
    :raises NoAnswer: it did not answer in time
    """
    connected = _connected(address, bounds)
    late = threading.Event()
    over = threading.Timer(bounds.timeout_seconds, _cut, (connected, late))  # all of it, however slowly it drips
    over.daemon = True
    over.start()
    try:
        answered = _exchanged(connected, address, headers, body, bounds.most_bytes)
    except (HTTPException, ValueError) as error:
        if isinstance(error, ConnectionError) or late.is_set():  # RemoteDisconnected is both
            raise _no_answer(bounds.timeout_seconds) from error
        raise AnswerUnreadable(f"the receiver's answer is no HTTP ({type(error).__name__})") from error
    except OSError as error:
        raise _no_answer(bounds.timeout_seconds) from error
    finally:
        over.cancel()
        connected.close()
    if late.is_set():  # what was read ends where it was cut
        raise _no_answer(bounds.timeout_seconds)
    return answered


def _no_answer(timeout_seconds: float) -> NoAnswer:
    return NoAnswer(f"the receiver did not answer within {timeout_seconds:g} s, or closed the connection")


def _exchanged(
    connected: socket.socket, address: Address, headers: Mapping[str, str], body: bytes, most_bytes: int
) -> Answered:
    connection = HTTPConnection(address.host, address.port)
    connection.sock = connected
    complete = {**headers, "Host": address.netloc, "User-Agent": "Quang", "Connection": "close"}
    connection.request("POST", address.path, body, complete)
    response = connection.getresponse()
    content = response.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise AnswerUnreadable(f"the receiver answered more than {most_bytes} bytes")
    return Answered(response.status, response.getheader("Content-Type", ""), content)


def _connected(address: Address, bounds: Bounds) -> socket.socket:
    """A connection to the very address that was checked: a name that changes in between leads nowhere else."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ReceiverUnreachable("the receiver's name is not known") from error
    for *_, place in found:
        refuse_inner_address(address.host, str(place[0]), bounds.inner_hosts)
    last: OSError | None = None
    for *_, place in found:
        try:
            connected = socket.create_connection((str(place[0]), address.port), bounds.timeout_seconds)
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
