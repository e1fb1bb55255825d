"""Whatever a message becomes on its way, it is answered, and never as a fault of ours."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ris_core.hl7.er7 import Message
from ris_core.intake.dry_run import dry_run
from ris_core.intake.profile import profile_from
from ris_core.intake.ready import ready_profiles
from ris_core.intake.tests.messages import MSH, OBR, ORC, PID, order_message

CORPUS = Path(os.environ.get("QUANG_CORPUS", Path(__file__).parents[5] / "shared" / "corpus")) / "hl7"

OWN = [
    order_message(more="ZOR|P.CT1|Có|52,5\rOBX|1|NM|29463-7^^LN||61\rNTE|1||a\\.br\\b\rAL1|1|DA|^Iod"),
    order_message(orc=ORC.replace("NW", "CA"), obr=None),
    order_message(MSH.replace("ORM^O01", "OMI^O23"), more="TQ1|1||||||20261122\rIPC|A1|RP|1.2.3|S1|CT|^P|||CT1"),
    order_message(MSH.replace("ORM^O01", "ADT^A08"), orc=None, obr=None),
    order_message(MSH.replace("ORM^O01", "ADT^A40"), orc=None, obr=None, more="MRG|BN9^^^BVX^MR"),
    order_message(
        MSH.replace("ORM^O01", "SIU^S12"), orc=None, obr=None, more="SCH|1|2\rRGS|1\rAIS|1||CT.SONAO|20261122"
    ),
    order_message(MSH.replace("ORM^O01", "ORU^R01"), obr=OBR, more="OBX|1|TX|A^B||text||||||F"),
    order_message(MSH.replace("ORM^O01", "MFN^M02"), pid=None, orc=None, obr=None, more="MFI|STF\rMFE|MAD|1||A\rSTF|A"),
    order_message(MSH.replace("ORM^O01", "QRY^R02"), orc=None, obr=None, more="QRD|20261122|R|I|Q1|||1^RD|BN1|RES"),
    b"BHS|^~\\&|HIS|BVX\r" + order_message() + order_message(control_id="2", pid=PID + "|") + b"BTS|2\r",
]
MESSAGES = OWN + [path.read_bytes()[:20_000] for path in sorted(CORPUS.rglob("*.hl7")) if path.is_file()]
PROFILES = [None, *(profile_from(ready.content) for ready in ready_profiles())]

_PIECES = [b"|", b"^", b"~", b"&", b"\\", b'""', b"\r", b"\n", b"\0", b"\xff\xfe", b"\\X0D\\", b"\\.sp99999\\",
           b"9" * 70,
           "Ễ".encode(), b"MSH|^~\\&|", b"\rPID|", b"\rOBR|", b"\rORC|CA|", b"00000000", b"2026-13-45"]  # fmt: skip

Edit = tuple[int, int, bytes]
_edits = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 12), st.sampled_from(_PIECES) | st.binary(max_size=4)), max_size=6
)


def edited(raw: bytes, edits: list[Edit]) -> bytes:
    """``raw`` with a few bytes taken out and others put in."""
    for place, length, piece in edits:
        start = place % (len(raw) + 1)
        raw = raw[:start] + piece + raw[start + length :]
    return raw


@pytest.mark.django_db
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.sampled_from(MESSAGES), edits=_edits, profile=st.sampled_from(PROFILES))
def test_a_mutated_message_is_answered_and_never_as_our_fault(raw: bytes, edits: list[Edit], profile: object) -> None:
    sent = edited(raw, edits)
    if not sent.strip():
        return
    tried = dry_run(sent, profile)  # type: ignore[arg-type]
    assert tried.code in ("AA", "AE", "AR")
    assert not re.search(rb"fault in the receiving system|not stored", tried.answer)
    for answer in tried.answer.split(b"\rMSH")[:1]:
        assert answer.startswith((b"MSH", b"BHS"))


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_what_a_sender_writes_never_becomes_structure_of_our_answer(text: str) -> None:
    escaped = Message.parse(order_message()).separators.escaped(text)
    msh = MSH.replace("HIS|BVX", f"{escaped}|{escaped}").replace("20261121", escaped)
    answer = dry_run(order_message(msh, obr=OBR.replace("CT.SONAO", escaped))).answer
    names = [line[:3] for line in answer.split(b"\r") if line]
    assert names in ([b"MSH", b"MSA"], [b"MSH", b"MSA", b"ERR"])
