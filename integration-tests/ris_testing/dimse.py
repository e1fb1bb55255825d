"""A DICOM client on a bare socket: fast enough not to be what a benchmark measures, rude enough to break rules.

Speaks what C-FIND and C-STORE need (PS3.7 9.3, PS3.8 9.3): one association, the presentation contexts that were asked,
datasets as bytes. pynetdicom, with its threads and its parsing, takes several times as long as a server needs.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Self

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
PENDING = (0xFF00, 0xFF01)

_ASSOCIATE_AC, _ASSOCIATE_RJ, _P_DATA, _RELEASE_RQ, _ABORT = 2, 3, 4, 5, 7
_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_IMPLEMENTATION = b"2.25.188137408224130711213911"


class AssociationFailed(Exception):
    """The peer rejected or aborted the association, or closed the connection."""


class Association:
    """An association; a context manager that releases it.

    ``contexts`` are pairs of an abstract syntax and one transfer syntax; context ids are 1, 3, 5 … in their order.
    """

    def __init__(
        self,
        port: int,
        *,
        calling: str,
        called: str = "QUANG",
        contexts: Sequence[tuple[str, str]] = ((WORKLIST_FIND, EXPLICIT),),
        host: str = "127.0.0.1",
        timeout_seconds: float = 60.0,
    ) -> None:
        self._socket = socket.create_connection((host, port), timeout_seconds)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._message_id = 0
        self.accepted: set[int] = set()
        self._longest_pdu = 16384
        try:
            self._socket.sendall(_associate_request(calling, called, contexts))
            self._read_acceptance()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self._socket.close()

    def release(self) -> None:
        self._socket.sendall(struct.pack(">BBII", _RELEASE_RQ, 0, 4, 0))
        self._pdu()
        self._socket.close()

    def find(self, identifier: bytes, *, context: int = 1, sop_class: str = WORKLIST_FIND) -> tuple[int, list[bytes]]:
        """C-FIND: the final status and the answers' datasets, in the context's transfer syntax."""
        self._message_id += 1
        self._send(context, _command(sop_class, 0x0020, self._message_id, (0x0700, struct.pack("<H", 0))), identifier)
        answers: list[bytes] = []
        while True:
            status, dataset = self._message()
            if status not in PENDING:
                return status, answers
            answers.append(dataset)

    def store(self, dataset: bytes, *, context: int, sop_class: str, instance: str) -> int:
        """C-STORE of one instance; its status."""
        self._message_id += 1
        priority = (0x0700, struct.pack("<H", 0))
        self._send(context, _command(sop_class, 0x0001, self._message_id, priority, instance=instance), dataset)
        return self._message()[0]

    def _send(self, context: int, command: bytes, dataset: bytes) -> None:
        longest = self._longest_pdu - 6
        pieces = [struct.pack(">BBIIBB", _P_DATA, 0, len(command) + 6, len(command) + 2, context, 3), command]
        for start in range(0, len(dataset), longest):
            piece = dataset[start : start + longest]
            last = 2 if start + longest >= len(dataset) else 0
            pieces += [struct.pack(">BBIIBB", _P_DATA, 0, len(piece) + 6, len(piece) + 2, context, last), piece]
        self._socket.sendall(b"".join(pieces))

    def _message(self) -> tuple[int, bytes]:
        command, dataset, wants_dataset = bytearray(), bytearray(), True
        status = 0
        while True:
            kind, content = self._pdu()
            if kind != _P_DATA:
                raise AssociationFailed(f"PDU of type {kind} instead of data")
            position = 0
            while position < len(content):
                length, _, flags = struct.unpack_from(">IBB", content, position)
                value = content[position + 6 : position + 4 + length]
                position += 4 + length
                if flags & 1:
                    command += value
                    if flags & 2:
                        status, wants_dataset = _status(command)
                        if not wants_dataset:
                            return status, b""
                else:
                    dataset += value
                    if flags & 2:
                        return status, bytes(dataset)

    def _read_acceptance(self) -> None:
        kind, content = self._pdu()
        if kind != _ASSOCIATE_AC:
            raise AssociationFailed(f"association refused: PDU type {kind}, {content[1:4].hex()}")
        position = 68
        while position < len(content):
            item, length = content[position], struct.unpack_from(">H", content, position + 2)[0]
            value = content[position + 4 : position + 4 + length]
            position += 4 + length
            if item == 0x21 and value[2] == 0:
                self.accepted.add(value[0])
            elif item == 0x50 and value[0] == 0x51:
                self._longest_pdu = struct.unpack_from(">I", value, 4)[0] or 131072

    def _pdu(self) -> tuple[int, bytes]:
        head = self._exactly(6)
        length = struct.unpack_from(">I", head, 2)[0]
        content = self._exactly(length)
        if head[0] == _ABORT:
            raise AssociationFailed(f"aborted: {content[2:4].hex()}")
        return head[0], content

    def _exactly(self, length: int) -> bytes:
        while len(self._received) < length:
            piece = self._socket.recv(262144)
            if not piece:
                raise AssociationFailed("the peer closed the connection")
            self._received += piece
        result = bytes(self._received[:length])
        del self._received[:length]
        return result


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _associate_request(calling: str, called: str, contexts: Sequence[tuple[str, str]]) -> bytes:
    body = struct.pack(">HH", 1, 0) + called.encode().ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += _item(0x10, _APPLICATION_CONTEXT)
    for index, (abstract, transfer) in enumerate(contexts):
        syntaxes = _item(0x30, abstract.encode()) + _item(0x40, transfer.encode())
        body += _item(0x20, bytes((2 * index + 1, 0, 0, 0)) + syntaxes)
    body += _item(0x50, _item(0x51, struct.pack(">I", 131072)) + _item(0x52, _IMPLEMENTATION))
    return struct.pack(">BBI", 1, 0, len(body)) + body


def _command(sop_class: str, field: int, message_id: int, further: tuple[int, bytes], *, instance: str = "") -> bytes:
    """A command set (PS3.7 6.3.1): Implicit VR Little Endian, group 0000, with a dataset following."""
    elements = [
        (0x0002, _uid(sop_class)), (0x0100, struct.pack("<H", field)), (0x0110, struct.pack("<H", message_id)),
        further, (0x0800, struct.pack("<H", 1)),
    ]  # fmt: skip
    if instance:
        elements.append((0x1000, _uid(instance)))
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _uid(value: str) -> bytes:
    raw = value.encode()
    return raw + b"\0" * (len(raw) & 1)


def _status(command: bytes | bytearray) -> tuple[int, bool]:
    """The status (0000,0900) of a response, and whether a dataset follows it (0000,0800)."""
    position, status, follows = 0, 0, False
    while position + 8 <= len(command):
        _, element, length = struct.unpack_from("<HHI", command, position)
        if element == 0x0900:
            status = struct.unpack_from("<H", command, position + 8)[0]
        elif element == 0x0800:
            follows = struct.unpack_from("<H", command, position + 8)[0] != 0x0101
        position += 8 + length
    return status, follows
