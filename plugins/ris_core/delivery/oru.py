"""Composes ORU^R01, the result as a HIS receives it (HL7 2.3 §7.2 to 2.5.1 §7.3); ``docs/conformance/hl7.md`` has every
field.

Pure: everything that goes into the message is in :class:`~ris_core.delivery.result.Result`, so the same result gives
the same bytes.
"""

from __future__ import annotations

from typing import Final

from ris_core.delivery.observations import observations, person
from ris_core.delivery.result import Result
from ris_core.delivery.segments import components, diagnostic_service, escaped, joined, msh, pid, pv1, segment
from ris_core.hl7.timestamps import write_timestamp

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
"""HL7 versions in which a result can be sent."""

_ORDER_STATUS: Final = {"P": "IP", "F": "CM", "C": "CM"}
"""ORC-5 by version status, HL7 table 0038: in process, completed."""

_RECALLED: Final = ("IP", "C")
"""ORC-5 and OBR-25 of a recall: table 0123 has no word for it. The order is in process again (X would cancel it), and
what is sent corrects what was sent; OBX-11 tells that it was wrong."""


def compose(result: Result) -> bytes:
    """The ORU^R01 of ``result`` in UTF-8, segments ended by CR."""
    segments = [msh(result, "ORU^R01", "ORU_R01", test=result.test), pid(result)]
    if result.visit_number:
        segments.append(pv1(result))
    return joined([*segments, orc(result), obr(result), *observations(result)])


def orc(result: Result) -> str:
    """The order that is answered."""
    return segment(
        "ORC",
        {
            1: "RE",
            2: escaped(result.placer_order_number),
            3: escaped(result.filler_order_number),
            5: _RECALLED[0] if result.recalled else _ORDER_STATUS[result.status],
            7: _quantity(result),
        },
    )


def obr(result: Result) -> str:
    """What was done, by whom it was read, and how far it is."""
    return segment(
        "OBR",
        {
            1: "1",
            2: escaped(result.placer_order_number),
            3: escaped(result.filler_order_number),
            4: components(result.service_code, result.service_name, result.service_coding_system),
            7: write_timestamp(result.observed_at),
            16: components("", result.ordering_physician) if result.ordering_physician else "",
            18: escaped(result.accession_number),
            19: escaped(result.requested_procedure_id),
            22: write_timestamp(result.recalled.recalled_at if result.recalled else result.approved_at),
            24: diagnostic_service(result.modality),
            25: _RECALLED[1] if result.recalled else result.status,
            27: _quantity(result),
            32: f"{person(result.interpreter, '&')}^{write_timestamp(result.approved_at)}",
        },
    )


def _quantity(result: Result) -> str:
    """ORC-7 and OBR-27, which HL7 2.3 requires and later versions do not."""
    return "1" if result.hl7_version == "2.3" else ""
