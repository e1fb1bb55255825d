"""What the gate reads of associations and messages, also when the bytes come one at a time or are none of DICOM's."""

from __future__ import annotations

import contextlib
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.devices.admission import Service
from ris_core.errors import InvalidValue
from ris_plugins.dicom_gate.codec import Watch, read_request, without
from ris_plugins.dicom_gate.tests.pdus import (
    COMMITMENT,
    FIND,
    GET,
    MOVE,
    STORE,
    VERIFICATION,
    command,
    message,
    request_pdu,
)

EXPLICIT_STUDY = b"\x08\x00\x52\x00CS\x06\x00STUDY \x20\x00\x0d\x00UI\x06\x001.2.3\0"
IMPLICIT_SERIES = b"\x08\x00\x52\x00\x06\x00\x00\x00SERIES\x20\x00\x0d\x00\x06\x00\x00\x001.2.3\0"


def test_a_request_says_who_calls_whom_and_what_for() -> None:
    request = read_request(request_pdu("CT1", "QUANG", [VERIFICATION, FIND, GET, STORE]))
    assert (request.calling, request.called) == ("CT1", "QUANG")
    assert request.services == {Service.QUERY, Service.RETRIEVE}


def test_a_context_that_is_refused_becomes_one_that_nothing_knows_and_the_others_stay() -> None:
    pdu = request_pdu("CT1", "QUANG", [VERIFICATION, FIND, MOVE])
    changed = without(pdu, read_request(pdu), {Service.RETRIEVE})
    assert len(changed) == len(pdu)
    assert [context.abstract_syntax for context in read_request(changed).contexts] == [
        VERIFICATION, FIND, "0" + MOVE[1:],
    ]  # fmt: skip


def test_a_nul_ends_a_uid_and_a_title_here_as_it_does_in_the_engine() -> None:
    """Or a node would be let query, and the engine let it retrieve; and no database keeps a NUL."""
    request = read_request(request_pdu("CT1\0WS1", "QUANG", [MOVE + "\0.1", COMMITMENT + "\0 "]))
    assert request.calling == "CT1"
    assert request.services == {Service.RETRIEVE, Service.COMMITMENT}
    assert read_request(request_pdu("CT1\n2026\x1b", "QUANG", [])).calling == "CT1\ufffd2026\ufffd"


@given(st.binary(max_size=400), st.integers(0, 300))
def test_bytes_that_are_no_request_are_refused_and_nothing_else_happens(noise: bytes, cut: int) -> None:
    pdu = request_pdu("CT1", "QUANG", [FIND])
    for damaged in (noise, pdu[:cut] + noise, b"\x01" + noise):
        with contextlib.suppress(InvalidValue):
            read_request(damaged)


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_a_query_is_followed_from_its_request_to_its_last_answer(chunk: int) -> None:
    watch = Watch()
    asked = message(command(0x0020, 7, sop_class=FIND), EXPLICIT_STUDY)
    for begin in range(0, len(asked), chunk):
        watch.from_node(asked[begin : begin + chunk])
    answers = b"".join(
        message(command(0x8020, 7, sop_class=FIND, status=0xFF00), b"\x10\x00\x10\x00SECRET^NAME") for _ in range(3)
    ) + message(command(0x8020, 7, sop_class=FIND, status=0x0000), b"")
    done = [each for at in range(0, len(answers), chunk) for each in watch.from_engine(answers[at : at + chunk])]
    [query] = done
    assert (query.kind, query.level, query.answers, query.status) == (Service.QUERY, "STUDY", 3, 0)
    assert query.study_uids == ()
    assert watch.unfinished() == []


def test_a_retrieval_names_its_study_its_destination_and_how_much_was_sent() -> None:
    watch = Watch()
    watch.from_node(message(command(0x0021, 1, sop_class=MOVE, destination="WS2"), IMPLICIT_SERIES))
    list(watch.from_engine(message(command(0x8021, 1, sop_class=MOVE, status=0xFF00, completed=1), b"")))
    [moved] = watch.from_engine(message(command(0x8021, 1, sop_class=MOVE, status=0xB000, completed=4, failed=1), b""))
    assert (moved.kind, moved.level, moved.destination, moved.study_uids) == (
        Service.RETRIEVE, "SERIES", "WS2", ("1.2.3",),
    )  # fmt: skip
    assert (moved.answers, moved.failed, moved.status) == (4, 1, 0xB000)


def test_what_the_end_of_the_association_cuts_off_is_known() -> None:
    watch = Watch()
    watch.from_node(message(command(0x0010, 3, sop_class=GET), EXPLICIT_STUDY))
    [cut] = watch.unfinished()
    assert (cut.kind, cut.status) == (Service.RETRIEVE, None)


@given(st.binary(max_size=300))
def test_noise_after_the_request_is_refused_or_ignored(noise: bytes) -> None:
    watch = Watch()
    for data in (noise, pack(">BxI", 4, len(noise)) + noise):
        with contextlib.suppress(InvalidValue):
            watch.from_node(data)
            list(watch.from_engine(data))
