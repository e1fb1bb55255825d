"""What the gate reads and writes of DICOM's upper layer protocol (PS3.8 §9.3) and of DIMSE (PS3.7 §9.3, annex E).

Bytes in, facts out. The gate changes one thing only: presentation contexts that a node may not use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import Final

from ris_core.devices.admission import Service
from ris_core.errors import InvalidValue

ASSOCIATE_REQUEST: Final = 0x01
DATA: Final = 0x04
HEADER_BYTES: Final = 6
MOST_REQUEST_BYTES: Final = 256 * 1024
"""An A-ASSOCIATE-RQ with all 128 contexts and a list of transfer syntaxes in each has some 60 KB."""
_FIXED_BYTES: Final = 74
_PRESENTATION_CONTEXT, _ABSTRACT_SYNTAX = 0x20, 0x30

WORKLIST: Final = "1.2.840.10008.5.1.4.31"
_COMMITMENT: Final = "1.2.840.10008.1.20.1"
_QUERY_RETRIEVE: Final = "1.2.840.10008.5.1.4.1.2."

Pdu = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context of an A-ASSOCIATE-RQ, and where the UID of its abstract syntax lies in the PDU."""

    abstract_syntax: str
    begins_at: int

    @property
    def service(self) -> Service | None:
        """The right that it needs here. Storage and worklist are decided by image and by query, with a status."""
        if self.abstract_syntax == _COMMITMENT:
            return Service.COMMITMENT
        if not self.abstract_syntax.startswith(_QUERY_RETRIEVE):
            return None
        return Service.QUERY if self.abstract_syntax.endswith(".1") else Service.RETRIEVE


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """An A-ASSOCIATE-RQ (PS3.8 table 9-11)."""

    called: str
    calling: str
    contexts: tuple[ProposedContext, ...]

    @property
    def services(self) -> frozenset[Service]:
        return frozenset(filter(None, (context.service for context in self.contexts)))


def read_request(pdu: bytes) -> AssociationRequest:
    """The request that the whole ``pdu`` is.

    :raises InvalidValue: it is none, or its items do not fit into each other
    """
    if len(pdu) < _FIXED_BYTES or pdu[0] != ASSOCIATE_REQUEST:
        raise InvalidValue("not an A-ASSOCIATE-RQ", field="PDU")
    contexts = []
    for kind, begin, end in _items(pdu, _FIXED_BYTES, len(pdu)):
        if kind == _PRESENTATION_CONTEXT:
            contexts += [
                ProposedContext(_text(pdu[first:last]), first)
                for inner, first, last in _items(pdu, begin + 4, end)
                if inner == _ABSTRACT_SYNTAX
            ]
    return AssociationRequest(_text(pdu[10:26]), _text(pdu[26:42]), tuple(contexts))


def without(pdu: bytes, request: AssociationRequest, services: Collection[Service]) -> bytes:
    """``pdu`` with the contexts of ``services`` under UIDs that nothing knows, so that the engine answers for them
    "abstract syntax not supported" and for the others as ever."""
    changed = bytearray(pdu)
    for context in request.contexts:
        if context.service in services:
            changed[context.begins_at] = ord("0")
    return bytes(changed)


def rejection(*, reason: int, transient: bool = False, source: int = 1) -> bytes:
    """An A-ASSOCIATE-RJ (PS3.8 table 9-21)."""
    return pack(">BxIxBBB", 0x03, 4, 2 if transient else 1, source, reason)


def abort() -> bytes:
    """An A-ABORT by the provider: unexpected PDU (PS3.8 table 9-26)."""
    return pack(">BxIxxBB", 0x07, 4, 2, 2)


@dataclass(slots=True)
class Operation:
    """A query or a retrieval, from its request to its last response."""

    kind: Service
    level: str = ""
    """PATIENT, STUDY, SERIES or IMAGE."""
    study_uids: tuple[str, ...] = ()
    """Of a retrieval."""
    destination: str = ""
    """AE title that C-MOVE sends to."""
    answers: int = 0
    """Of a query; of a retrieval the instances that were sent."""
    failed: int = 0
    status: int | None = None
    """None: the association ended before the last response."""


_REQUESTS: Final = {0x0020: Service.QUERY, 0x0021: Service.RETRIEVE, 0x0010: Service.RETRIEVE}
_RESPONSES: Final = frozenset({0x8020, 0x8021, 0x8010})
_PENDING: Final = (0xFF00, 0xFF01)
_LEVELS: Final = frozenset({"PATIENT", "STUDY", "SERIES", "IMAGE"})
_MOST_STUDIES: Final = 20
_MOST_UNANSWERED: Final = 16


class Watch:
    """Follows the queries and retrievals of one association, from what passes in both directions."""

    def __init__(self) -> None:
        self._asked, self._answered = MessageReader(), MessageReader()
        self._open: dict[int, Operation] = {}

    def from_node(self, data: bytes) -> None:
        """What the node sends.

        :raises InvalidValue: it is not DICOM
        """
        for command, dataset in self._asked.feed(data):
            kind = _REQUESTS.get(_number(command, 0x0100))
            if kind is None or _text(command.get(0x0002)) == WORKLIST or len(self._open) >= _MOST_UNANSWERED:
                continue
            level = _value(dataset, 0x00080052).upper()
            studies = [] if kind is Service.QUERY else _value(dataset, 0x0020000D).split("\\")
            self._open[_number(command, 0x0110)] = Operation(
                kind,
                level if level in _LEVELS else "",
                tuple(uid for uid in studies[:_MOST_STUDIES] if uid and set(uid) <= set("0123456789.")),
                _text(command.get(0x0600)),
            )

    def from_engine(self, data: bytes) -> Iterator[Operation]:
        """What the engine sends; the operations that end with it.

        :raises InvalidValue: it is not DICOM
        """
        for command, _dataset in self._answered.feed(data):
            if _number(command, 0x0100) not in _RESPONSES:
                continue
            key, status = _number(command, 0x0120), _number(command, 0x0900)
            operation = self._open.get(key)
            if operation is None:
                continue
            if 0x1021 in command:
                operation.answers, operation.failed = _number(command, 0x1021), _number(command, 0x1022)
            if status in _PENDING:
                operation.answers += operation.kind is Service.QUERY
                continue
            operation.status = status
            yield self._open.pop(key)

    def unfinished(self) -> list[Operation]:
        """What the association's end has cut off."""
        return list(self._open.values())


Command = dict[int, bytes]
"""Elements of group 0000 by element number."""


@dataclass(slots=True)
class MessageReader:
    """DIMSE messages out of one direction's bytes: commands whole, of a dataset its beginning."""

    most_dataset_bytes: int = 64 * 1024
    _bytes: bytearray = field(default_factory=bytearray)
    _command: bytearray = field(default_factory=bytearray)
    _dataset: bytearray = field(default_factory=bytearray)
    _complete_command: Command | None = None

    def feed(self, data: bytes) -> Iterator[tuple[Command, bytes]]:
        """The messages that ``data`` completes.

        :raises InvalidValue: it is not DICOM
        """
        self._bytes += data
        begin = 0
        while len(self._bytes) - begin >= HEADER_BYTES:
            kind, length = unpack_from(">BxI", self._bytes, begin)
            if length > 16 * 1024 * 1024:
                raise InvalidValue("a PDU is longer than 16 MiB", field="PDU")
            end = begin + HEADER_BYTES + length
            if len(self._bytes) < end:
                break
            if kind == DATA:
                yield from self._values(bytes(self._bytes[begin + HEADER_BYTES : end]))
            begin = end
        del self._bytes[:begin]

    def _values(self, pdu: bytes) -> Iterator[tuple[Command, bytes]]:
        at = 0
        while at + 6 <= len(pdu):
            length, _context, control = unpack_from(">IBB", pdu, at)
            fragment = pdu[at + 6 : at + 4 + length]
            at += 4 + max(length, 2)
            is_command, is_last = control & 1, control & 2
            if is_command:
                self._command += fragment
                if len(self._command) > self.most_dataset_bytes:
                    raise InvalidValue("a command is too long", field="PDU")
                if is_last:
                    command, self._command = _read_command(bytes(self._command)), bytearray()
                    if _number(command, 0x0800) == 0x0101:  # without a dataset
                        yield command, b""
                    else:
                        self._complete_command = command
            else:
                self._dataset += fragment[: max(0, self.most_dataset_bytes - len(self._dataset))]
                if is_last:
                    if self._complete_command is not None:
                        yield self._complete_command, bytes(self._dataset)
                    self._complete_command, self._dataset = None, bytearray()


def _read_command(data: bytes) -> Command:
    """Implicit VR little endian (PS3.7 §6.3.1)."""
    found: Command = {}
    at = 0
    while at + 8 <= len(data):
        group, element, length = unpack_from("<HHI", data, at)
        if group == 0:
            found[element] = data[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def _number(command: Command, element: int) -> int:
    value = command.get(element, b"")
    return int.from_bytes(value[:2], "little")


def _text(value: bytes | None) -> str:
    """As the engine reads it, which ends at the first NUL: what it is let do must be what it then does. Nothing
    unprintable, which databases refuse and logs obey."""
    text = (value or b"").partition(b"\0")[0].decode("ascii", "replace").strip(" ")
    return text if text.isprintable() else "".join(each if each.isprintable() else "\ufffd" for each in text)


def _value(dataset: bytes, tag: int) -> str:
    """A short text of the beginning of a dataset in little endian, implicit or explicit; empty when it is not there."""
    at = dataset.find(pack("<HH", tag >> 16, tag & 0xFFFF))
    if at < 0 or at + 8 > len(dataset):
        return ""
    explicit = dataset[at + 4 : at + 6] in (b"CS", b"UI")
    length = unpack_from("<H", dataset, at + 6)[0] if explicit else unpack_from("<I", dataset, at + 4)[0]
    return _text(dataset[at + 8 : at + 8 + min(length, 2_000)])


def _items(pdu: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The items between two places: type, and where the value begins and ends.

    :raises InvalidValue: one is longer than what it lies in
    """
    while begin + 4 <= end:
        kind, length = unpack_from(">BxH", pdu, begin)
        begin += 4
        if begin + length > end:
            raise InvalidValue("an item is longer than what it lies in", field="PDU")
        yield kind, begin, begin + length
        begin += length
