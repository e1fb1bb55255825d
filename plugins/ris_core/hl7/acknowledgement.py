"""Acknowledgements in original mode: MSA, and ERR in the form of the sender's version (HL7 2.5.1 §2.9.2, §2.15).

AA: applied and committed. AE: understood, not applied; the sender corrects something or sends again. AR: not an
acceptable message at all (unreadable, no MSH-10, a type that is not taken here).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from ris_core.errors import QuangError
from ris_core.hl7.charsets import encode
from ris_core.hl7.er7 import Message
from ris_core.hl7.reply import ReplySegment
from ris_core.hl7.separators import Separators
from ris_core.hl7.timestamps import write_timestamp
from ris_core.names import unaccented


class AcknowledgementCode(StrEnum):
    """MSA-1, HL7 table 0008."""

    ACCEPT = "AA"
    ERROR = "AE"
    REJECT = "AR"


class ErrorCode(IntEnum):
    """ERR-3, HL7 table 0357."""

    ACCEPTED = 0
    SEGMENT_SEQUENCE_ERROR = 100
    REQUIRED_FIELD_MISSING = 101
    DATA_TYPE_ERROR = 102
    TABLE_VALUE_NOT_FOUND = 103
    UNSUPPORTED_MESSAGE_TYPE = 200
    UNSUPPORTED_EVENT_CODE = 201
    UNSUPPORTED_PROCESSING_ID = 202
    UNSUPPORTED_VERSION_ID = 203
    UNKNOWN_KEY_IDENTIFIER = 204
    DUPLICATE_KEY_IDENTIFIER = 205
    APPLICATION_RECORD_LOCKED = 206
    APPLICATION_INTERNAL_ERROR = 207

    @property
    def text(self) -> str:
        """The table's own text."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the message: ERL (HL7 2.5), or the first components of ELD before it."""

    segment: str
    sequence: int = 1
    field: int = 0
    repetition: int = 0
    component: int = 0

    def __str__(self) -> str:
        """``OBR^1^4``: parts that are not known are left out."""
        parts = [self.segment, str(self.sequence)]
        for number in (self.field, self.repetition, self.component):
            if not number:
                break
            parts.append(str(number))
        return "^".join(parts)


class MessageRefused(QuangError):
    """A message cannot be applied: what is answered to its sender.

    :param detail: which field, why, and what to do, in one sentence without patient data
    :param acknowledgement: AE or AR
    :param held: whether a person here has to decide (state HELD); otherwise the sender has to correct it
    """

    code = "QUANG-7001"

    def __init__(
        self,
        detail: str,
        *,
        error: ErrorCode,
        location: Location | None = None,
        acknowledgement: AcknowledgementCode = AcknowledgementCode.ERROR,
        held: bool = False,
        code: str = "",
    ) -> None:
        super().__init__(detail, field=str(location or ""))
        self.error = error
        self.location = location
        self.acknowledgement = acknowledgement
        self.held = held
        self.code = code or self.code


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of its own type: the response to a query, the acknowledgement of a master file.

    :param message_type: MSH-9 as code, trigger event, structure
    :param refusal: why a part of the message was not carried out; the rest is committed all the same
    """

    message_type: tuple[str, str, str]
    segments: tuple[ReplySegment, ...] = ()
    refusal: MessageRefused | None = None


def compose_acknowledgement(
    message: Message | None,
    *,
    application: str,
    facility: str,
    at: datetime,
    refusal: MessageRefused | None = None,
    reply: Reply | None = None,
) -> bytes:
    """ACK for ``message`` in its own separators, version and character set; AA when there is no ``refusal``.

    With a ``reply`` it is of the reply's type, and the reply's segments follow MSA and ERR.

    MSH-3 and MSH-4 are what the sender called us (MSH-5, MSH-6), or else ``application`` and ``facility``. A message
    that could not be read at all (none) is answered in 2.5.1 and UTF-8.
    """
    separators = message.separators if message else Separators()
    version = (message.version if message else "") or "2.5.1"
    text, codec, charset = separators.escaped, "utf-8", "UNICODE UTF-8"
    receiver = ["", ""]
    control_id, processing_id, event = "", "P", ""
    if message:
        header = message.header
        sender = [header.raw(5) or text(application), header.raw(6) or text(facility)]
        receiver = [header.raw(3), header.raw(4)]
        control_id, processing_id, event = header.raw(10), header.raw(11) or "P", header.value(9, 2)
        codec, charset = message.charset.codec, header.raw(18)
    else:
        sender = [text(application), text(facility)]
    field = separators.field
    parts = ["ACK", *([text(event)] if event else [])]
    if event and (_number(version) >= (2, 4) or version.startswith("2.3.1")):
        parts.append("ACK")  # MSH-9.3, the structure
    if reply:
        parts = [part for part in reply.message_type if part]
    msh = [
        f"MSH{field}{separators.encoding_characters}", *sender, *receiver, write_timestamp(at), "",
        separators.component.join(parts),
        uuid.uuid4().hex[:20].upper(), processing_id, text(version),
    ]  # fmt: skip
    code = refusal.acknowledgement if refusal else AcknowledgementCode.ACCEPT
    msa = ["MSA", code.value, control_id]
    lines = [msa]
    if refusal:
        if _number(version) < (2, 7):
            msa.append(text(refusal.detail[:80]))
        lines.append(_error_segment(refusal, separators, version))
    rest = "".join(field.join(line) + "\r" for line in lines)
    if reply:
        rest += "".join(segment.write(separators) + "\r" for segment in reply.segments)
    header_line = field.join(msh)
    if charset:
        header_line += field * 6 + charset
    encoded = encode(f"{header_line}\r{rest}", codec)
    if encoded is None:  # our words have letters that the sender's character set has not
        encoded = unaccented(f"{header_line}\r{rest}").encode(codec, "replace")
    return encoded


def _error_segment(refusal: MessageRefused, separators: Separators, version: str) -> list[str]:
    text, join = separators.escaped, separators.component.join
    location = str(refusal.location or "").split("^") if refusal.location else []
    if _number(version) < (2, 5):  # ERR-1, ELD: segment^sequence^field^code (CE, its parts subcomponents)
        code = separators.subcomponent.join((str(refusal.error.value), text(refusal.error.text), "HL70357"))
        return ["ERR", join([*[*location, "", "", ""][:3], code])]
    return [
        "ERR", "", join(location), join((str(refusal.error.value), text(refusal.error.text), "HL70357")), "E",
        join((refusal.code, "", "QUANG")), "", "", text(refusal.detail[:250]),
    ]  # fmt: skip


def _number(version: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (2, 5)
