"""Every HL7 file there is, sent over MLLP to the real suite; then bytes that are no MLLP at all.

What a message deserves is told by its type and version, not file by file: a type that is taken is answered AA or AE,
one that is not AR, and nothing is answered as a fault of the receiving system.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ris_testing.backends import RunningSuite
from ris_testing.orders import an_order

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CORPUS = Path(os.environ.get("QUANG_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus") / "hl7"
START, END = b"\x0b", b"\x1c\r"
ANSWER_SECONDS = 60.0
FUZZ_CONNECTIONS = 120
FUZZ_SEED = 20261122

_BEFORE_HEADER = b"\xef\xbb\xbf \t\r\n"
_MESSAGE = re.compile(rb"(?:^|[\r\n])[ \t]*(MSH[^\w\s][\s\S]*?)(?=[\r\n][ \t]*(?:MSH[^\w\s]|BTS|FTS|BHS|FHS)|\Z)")


@dataclass(frozen=True)
class Sent:
    """One frame and its answer."""

    name: str
    frame: bytes
    answer: bytes

    @property
    def messages(self) -> list[bytes]:
        """The messages in the frame; the frame itself when none is in it."""
        return _MESSAGE.findall(self.frame) or [self.frame]

    @property
    def codes(self) -> list[str]:
        """MSA-1 of each answer."""
        return [code.decode() for code in re.findall(rb"[\r\n]MSA[^A](A[AER])", self.answer)]


def corpus() -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; files with frames in them give one for each."""
    for path in sorted(CORPUS.rglob("*")) if CORPUS.is_dir() else []:
        if path.is_file():
            content = path.read_bytes()
            frames = re.findall(rb"\x0b([\s\S]*?)\x1c", content) or [content]
            for number, frame in enumerate(frames):
                yield f"{path.relative_to(CORPUS)}#{number}", frame


def own() -> Iterator[tuple[str, bytes]]:
    """Messages that are there without a corpus."""
    order = an_order().message(control_id="OWN1")
    yield "order", order
    yield "the same order", order
    yield "segments end with LF", an_order().message(control_id="OWN2").replace(b"\r", b"\n")
    yield "batch", b"BHS|^~\\&|HIS|BVQ\r" + an_order().message(control_id="OWN3") + b"BTS|1\r"
    yield "version 3", b"MSH|^~\\&|HIS|BVQ|||20261122||ORM^O01|OWN4|P|3.0\r"
    yield "unknown type", b"MSH|^~\\&|HIS|BVQ|||20261122||XYZ^Z99|OWN5|P|2.5\r"
    yield "no control id", b"MSH|^~\\&|HIS|BVQ|||20261122||ORM^O01||P|2.5\r"
    segments = an_order().message(control_id="OWN6").split(b"\r")
    yield "no patient", b"\r".join(segment for segment in segments if not segment.startswith(b"PID"))
    yield "no HL7", b"hello"
    yield "nothing", b""


def exchanged(connection: socket.socket, frame: bytes) -> bytes:
    """The answer to ``frame``, without its own frame."""
    connection.sendall(START + frame + END)
    received = b""
    while END not in received:
        data = connection.recv(65536)
        assert data, "the connection was closed instead of an answer"
        received += data
    return received[1:].split(b"\x1c")[0]


def field(message: bytes, number: int) -> str:
    """MSH field ``number`` as text."""
    header = re.split(rb"[\r\n]", message.lstrip(_BEFORE_HEADER), maxsplit=1)[0]
    fields = header.split(header[3:4]) if header.startswith(b"MSH") and len(header) > 3 else []
    return fields[number - 1].decode("latin-1").strip() if number <= len(fields) else ""


def identity(message: bytes) -> tuple[str, str, str]:
    """MSH-3, MSH-4 and MSH-10: what a message is known by."""
    return field(message, 3), field(message, 4), field(message, 10)


def deserved(message: bytes, taken: set[str], applied: set[tuple[str, str, str]]) -> set[str]:
    """What may be answered to ``message`` when those in ``applied`` came before it."""
    if not message.lstrip(_BEFORE_HEADER).startswith(b"MSH") or not field(message, 10):
        return {"AR"}
    refused = {"AE"} if identity(message) in applied else {"AR"}  # a control id stands for one message only
    version = field(message, 12).split(field(message, 2)[:1] or "^")[0]
    if version and not re.match(r"2\.\d", version):
        return refused
    kind = "^".join(field(message, 9).split(field(message, 2)[:1] or "^")[:2])
    if kind not in taken:
        return refused
    return {"AA", "AE"}


def test_every_message_is_answered_as_it_deserves_kept_and_can_be_replayed(suite: RunningSuite) -> None:
    taken = set(
        json.loads(
            suite.python(
                "import json; from ris_core.intake.kinds import KIND_BY_TYPE; print(json.dumps(list(KIND_BY_TYPE)))"
            )
        )
    )
    with socket.create_connection((suite.mllp.host, suite.mllp.port), timeout=ANSWER_SECONDS) as connection:
        sent = [Sent(name, frame, exchanged(connection, frame)) for name, frame in [*own(), *corpus()]]
    wrong = []
    applied: set[tuple[str, str, str]] = set()
    for one in sent:
        if len(one.codes) != len(one.messages):
            wrong.append(f"{one.name}: {len(one.messages)} messages, {len(one.codes)} answers")
        for message, code in zip(one.messages, one.codes, strict=False):
            if code not in deserved(message, taken, applied) or re.search(rb"[|^&]207[|^&]", one.answer):
                wrong.append(f"{one.name}: {field(message, 9)} {field(message, 12)} answered {one.answer[-200:]!r}")
            if code == "AA":
                applied.add(identity(message))
    assert not wrong, "\n".join(wrong)
    assert set(Counter(code for one in sent for code in one.codes)) == {"AA", "AE", "AR"}
    assert missing_in(suite, sent) == []
    assert replayed(suite) == []
    fuzzed(suite)


def missing_in(suite: RunningSuite, sent: list[Sent]) -> list[str]:
    """Messages that are not in the inbox, by the SHA-256 of what follows their first segment."""
    code = (
        "from hashlib import sha256; from ris_core.hl7.er7 import body; from ris_core.messages.models import "
        "InboundMessage as M; print(*(sha256(body(bytes(raw))).hexdigest() for raw in M.objects.values_list('raw', "
        "flat=True)))"
    )
    kept = set(suite.python(code).split())
    return [one.name for one in sent for message in one.messages if _digest(message) not in kept]


def _digest(message: bytes) -> str:
    parts = re.split(rb"[\r\n]+", message.strip(b"\r\n"), maxsplit=1)
    return hashlib.sha256(parts[1] if len(parts) > 1 else b"").hexdigest()


def replayed(suite: RunningSuite) -> list[str]:
    """What went wrong when a person has every refused message applied again."""
    return suite.python(
        "from ris_core.audit.services import SYSTEM\n"
        "from ris_core.messages.models import InboundMessage as M\n"
        "from ris_core.messages.replaying import replay\n"
        "from ris_core.errors import InvalidValue, TransitionRefused\n"
        "refused = M.objects.filter(protocol='HL7').exclude(state='APPLIED')\n"
        "for pk in list(refused.values_list('pk', flat=True)):\n"
        "    try:\n"
        "        row = replay(pk, SYSTEM)\n"
        "        if '207' in row.error_code: print(pk, row.error_detail)\n"
        "    except InvalidValue: pass\n"  # no HL7 at all, nothing to apply
        "    except TransitionRefused as error:\n"
        "        if 'MSH-10 stands' not in error.detail and 'settled' not in error.detail: print(pk, error.detail)\n"
    ).splitlines()


def fuzzed(suite: RunningSuite) -> None:
    """Peers that speak no MLLP, or half of it, in pieces: a good message after them is always answered."""
    chance = random.Random(FUZZ_SEED)
    order = an_order().message(control_id="FUZZ")
    pieces = [
        START,
        b"\x1c",
        b"\r",
        END,
        b"MSH|^~\\&|",
        order[:80],
        b"\x00\xff\xfe",
        b"GET / HTTP/1.1\r\n\r\n",
        START + END,
    ]
    address = (suite.mllp.host, suite.mllp.port)
    for _ in range(FUZZ_CONNECTIONS):
        with socket.create_connection(address, timeout=ANSWER_SECONDS) as connection:
            try:
                for _ in range(chance.randint(1, 12)):
                    noise = bytes(chance.getrandbits(8) for _ in range(chance.randint(0, 60)))
                    connection.sendall(chance.choice([*pieces, noise]))
                if chance.random() < 0.3:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # cut off in the middle: it may be
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:  # at most so many connections at once: those before must have been seen to be closed
        try:
            with socket.create_connection(address, timeout=ANSWER_SECONDS) as connection:
                assert b"MSA|AA|FUZZ" in exchanged(connection, order)
                return
        except (OSError, AssertionError):
            assert time.monotonic() < deadline, "no answer after the noise"
            time.sleep(0.2)
