"""Reads of images are counted and written together, never one by one (P16)."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest
from django.db import DatabaseError

from ris_core.accounts.models import User
from ris_core.audit import counted
from ris_core.audit.counted import Read, ReadCounts
from ris_core.audit.models import ActorKind, AuditEvent

pytestmark = pytest.mark.django_db

FRAMES = Read(ActorKind.USER, "bs_lan", "10.0.0.7", "images.read", "1.2.3")


def test_many_reads_are_one_event_of_the_user_who_read() -> None:
    user = User.objects.create_user("bs_lan", None, full_name="Lan", role="RADIOLOGIST")
    counts = ReadCounts()
    for _ in range(400):
        counts.add(FRAMES)
    counts.add(Read(ActorKind.USER, "HIS:bs.mai", "10.0.0.8", "images.read", "1.2.3"))
    assert (counts.write(), counts.write()) == (2, 0)
    lan, mai = AuditEvent.objects.order_by("address")
    assert (lan.user_id, lan.kind, lan.details) == (user.pk, "USER", {"requests": 400})
    assert (mai.user_id, mai.kind, mai.details) == (None, "RECEIVER", {"requests": 1})


def test_what_cannot_be_written_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = ReadCounts()
    counts.add(FRAMES)

    def refused(*_: object, **__: object) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as away:
        away.setattr(counted, "record", refused)
        with pytest.raises(DatabaseError):
            counts.write()
    counts.add(FRAMES)
    counts.write()
    assert AuditEvent.objects.get().details == {"requests": 2}


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted, "MOST_COUNTED", 3)
    counts = ReadCounts()
    for number in range(10):
        counts.add(Read(ActorKind.USER, f"u{number}", "", "images.read"))
    assert counts.write() == 4
    assert AuditEvent.objects.get(actor="others").details == {"requests": 7}


def test_what_is_left_is_written_at_the_end() -> None:
    counts, stopping = ReadCounts(), threading.Event()
    counts.add(FRAMES)
    stopping.set()
    counts.keep_writing(nullcontext, stopping)
    assert AuditEvent.objects.count() == 1
