"""Every kind of message that is taken here: one line each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ris_core.audit.services import Actor
from ris_core.hl7.acknowledgement import AcknowledgementCode, ErrorCode, Location, MessageRefused, Reply
from ris_core.hl7.er7 import Message
from ris_core.intake.admission import EVENTS, apply_admission
from ris_core.intake.master_data import apply_master_data
from ris_core.intake.merging import apply_adt, apply_linking, apply_merging
from ris_core.intake.orders import apply_orders
from ris_core.intake.queries import answer_query
from ris_core.intake.reading import Reading
from ris_core.intake.results import apply_results
from ris_core.intake.scheduling import apply_appointment

Effect = Callable[[Message, Reading, Actor], Reply | None]
"""What a message does, in the current transaction, and what is answered beyond the acknowledgement.

It raises :class:`~ris_core.hl7.acknowledgement.MessageRefused` naming the place that is wrong, or another
:class:`~ris_core.errors.QuangError`; the caller undoes what was done before.
"""


@dataclass(frozen=True, slots=True)
class MessageKind:
    """Messages that one effect understands."""

    name: str
    types: tuple[str, ...]
    """MSH-9 as code and trigger event; HL7 2.1 has no trigger event."""
    effect: Effect


KINDS: tuple[MessageKind, ...] = (
    MessageKind("orders", ("ORM^O01", "ORM", "OMG^O19", "OMI^O23"), apply_orders),
    MessageKind("admission", tuple(f"ADT^{event}" for event in EVENTS), apply_admission),
    MessageKind("merging", ("ADT^A18", "ADT^A34", "ADT^A40", "ADT^A45", "ADT^A47"), apply_merging),
    MessageKind("linking", ("ADT^A24", "ADT^A37"), apply_linking),
    MessageKind("adt", ("ADT",), apply_adt),
    MessageKind("appointments", ("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S26"), apply_appointment),
    MessageKind(
        "master data",
        ("MFN^M02", "MFN^M05", "MFN^M08", "MFN^M13", "MFN^Z01", "MFN^Z02", "MFN^Z03", "MFN^Z04", "MFN^Z05"),
        apply_master_data,
    ),
    MessageKind("results made elsewhere", ("ORU^R01", "ORU"), apply_results),
    MessageKind("queries", ("OSQ^Q06", "QRY^R02", "QRY^A19", "QBP^Q11"), answer_query),
)  # fmt: skip

KIND_BY_TYPE: dict[str, MessageKind] = {type_: kind for kind in KINDS for type_ in kind.types}


def kind_of(message: Message) -> MessageKind:
    """What ``message`` is.

    :raises MessageRefused: AR when it is not taken here
    """
    version = message.version
    if version and not re.match(r"2\.\d", version):
        raise MessageRefused(
            "MSH-12: only HL7 version 2 is taken here",
            error=ErrorCode.UNSUPPORTED_VERSION_ID,
            location=Location("MSH", 1, 12),
            acknowledgement=AcknowledgementCode.REJECT,
        )
    kind = KIND_BY_TYPE.get(message.type)
    if kind is not None:
        return kind
    known_code = any(known.split("^")[0] == message.header.value(9) for known in KIND_BY_TYPE)
    taken = ", ".join(type_ for kind in KINDS for type_ in kind.types if "^" in type_)
    raise MessageRefused(
        f"MSH-9: messages of this type are not taken here; send one of {taken}",
        error=ErrorCode.UNSUPPORTED_EVENT_CODE if known_code else ErrorCode.UNSUPPORTED_MESSAGE_TYPE,
        location=Location("MSH", 1, 9),
        acknowledgement=AcknowledgementCode.REJECT,
    )
