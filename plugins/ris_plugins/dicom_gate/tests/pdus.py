"""Upper layer PDUs and DIMSE messages for the tests, written by hand as PS3.8 §9.3 and PS3.7 annex E have them."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

VERIFICATION = "1.2.840.10008.1.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
STORE = "1.2.840.10008.5.1.4.1.1.2"
COMMITMENT = "1.2.840.10008.1.20.1"


def request_pdu(calling: str, called: str, abstract_syntaxes: Sequence[str]) -> bytes:
    """An A-ASSOCIATE-RQ."""
    items = _item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, uid in enumerate(abstract_syntaxes):
        inner = _item(0x30, uid.encode()) + _item(0x40, b"1.2.840.10008.1.2")
        items += _item(0x20, bytes([2 * number + 1, 0, 0, 0]) + inner)
    items += _item(0x50, _item(0x51, pack(">I", 16384)))
    body = pack(">Hxx", 1) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32) + items
    return pack(">BxI", 1, len(body)) + body


def command(
    field: int, number: int, *, sop_class: str, status: int | None = None, destination: str = "",
    completed: int | None = None, failed: int = 0,
) -> bytes:  # fmt: skip
    """A command set; with a dataset unless it is a last response."""
    is_response = field & 0x8000
    elements = [
        (0x0002, sop_class.encode() + b"\0" * (len(sop_class) % 2)),
        (0x0100, pack("<H", field)),
        (0x0120 if is_response else 0x0110, pack("<H", number)),
        (0x0800, pack("<H", 1 if status in (None, 0xFF00) and completed is None else 0x0101)),
    ]
    if destination:
        elements.append((0x0600, destination.ljust(16).encode()))
    if status is not None:
        elements.append((0x0900, pack("<H", status)))
    if completed is not None:
        elements += [(0x1021, pack("<H", completed)), (0x1022, pack("<H", failed))]
    return b"".join(pack("<HHI", 0, element, len(value)) + value for element, value in elements)


def message(command_set: bytes, dataset: bytes) -> bytes:
    """P-DATA-TF PDUs of one message: command and dataset, the latter in two fragments."""
    pdus = _data(command_set, 3)
    if dataset:
        half = len(dataset) // 2
        pdus += _data(dataset[:half], 0) + _data(dataset[half:], 2)
    return pdus


def _data(fragment: bytes, control: int) -> bytes:
    return pack(">BxIIBB", 4, len(fragment) + 6, len(fragment) + 2, 1, control) + fragment


def _item(kind: int, value: bytes) -> bytes:
    return pack(">BxH", kind, len(value)) + value
