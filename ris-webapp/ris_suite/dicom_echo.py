"""Asks a DICOM service whether it works: one association, one C-ECHO (PS3.7 9.3.5, PS3.8 9.3), the standard library
alone."""

from __future__ import annotations

import socket
import struct

_VERIFICATION = b"1.2.840.10008.1.1"
_IMPLICIT = b"1.2.840.10008.1.2"
_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_IMPLEMENTATION = b"2.25.188137408224130711213911"
_ACCEPT, _REJECT, _DATA, _RELEASE = 2, 3, 4, 5
_LONGEST_PDU = 65536


class EchoFailed(Exception):
    """It does not speak DICOM, or not as it should."""


class AssociationRejected(Exception):
    """It answers, and takes no association: too many are open, or it has another AE title."""


def echo(host: str, port: int, ae_title: str, timeout_seconds: float) -> int:
    """The status of a C-ECHO; 0 is success. The caller is ``ae_title`` itself.

    :raises AssociationRejected: it answers, and does not let us in
    :raises EchoFailed: it answers, but not as a DICOM service
    :raises OSError: it does not answer
    """
    with socket.create_connection((host, port), timeout_seconds) as connection:
        connection.settimeout(timeout_seconds)
        connection.sendall(_associate_request(ae_title.encode("ascii")))
        kind, content = _read(connection)
        if kind == _REJECT:
            result, source, reason = content[1:4]
            raise AssociationRejected(f"association rejected (result {result}, source {source}, reason {reason})")
        if kind != _ACCEPT:
            raise EchoFailed(f"no answer to A-ASSOCIATE-RQ (PDU type {kind})")
        connection.sendall(_echo_request())
        kind, content = _read(connection)
        if kind != _DATA:
            raise EchoFailed(f"no answer to C-ECHO (PDU type {kind})")
        status = _status(content[6:])
        connection.sendall(struct.pack(">BBII", _RELEASE, 0, 4, 0))
        _read(connection)
        return status


def _associate_request(title: bytes) -> bytes:
    syntaxes = _item(0x30, _VERIFICATION) + _item(0x40, _IMPLICIT)
    body = struct.pack(">HH", 1, 0) + title.ljust(16) + title.ljust(16) + bytes(32)
    body += _item(0x10, _APPLICATION_CONTEXT) + _item(0x20, bytes((1, 0, 0, 0)) + syntaxes)
    body += _item(0x50, _item(0x51, struct.pack(">I", _LONGEST_PDU)) + _item(0x52, _IMPLEMENTATION))
    return struct.pack(">BBI", 1, 0, len(body)) + body


def _echo_request() -> bytes:
    uid = _VERIFICATION + b"\0"
    elements = (
        (0x0002, uid), (0x0100, struct.pack("<H", 0x0030)), (0x0110, struct.pack("<H", 1)),
        (0x0800, struct.pack("<H", 0x0101)),
    )  # fmt: skip
    command = b"".join(struct.pack("<HHI", 0, number, len(value)) + value for number, value in elements)
    command = struct.pack("<HHII", 0, 0, 4, len(command)) + command
    return struct.pack(">BBIIBB", _DATA, 0, len(command) + 6, len(command) + 2, 1, 3) + command


def _status(command: bytes) -> int:
    position = 0
    while position + 8 <= len(command):
        _, element, length = struct.unpack_from("<HHI", command, position)
        if element == 0x0900 and length == 2:
            return int(struct.unpack_from("<H", command, position + 8)[0])
        position += 8 + length
    raise EchoFailed("the answer to C-ECHO has no status")


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _read(connection: socket.socket) -> tuple[int, bytes]:
    head = _exactly(connection, 6)
    length = struct.unpack_from(">I", head, 2)[0]
    if length > _LONGEST_PDU:
        raise EchoFailed("the answer is no DICOM")
    return head[0], _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise EchoFailed("the connection was closed")
        received += piece
    return received
