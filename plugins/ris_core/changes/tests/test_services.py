"""The feed is read in the order of its keys, so they must grow with time, whoever adds to it."""

from __future__ import annotations

import pytest

from ris_core.changes.models import Change
from ris_core.changes.services import announce

pytestmark = pytest.mark.django_db


def test_keys_grow_in_the_order_in_which_processes_announce() -> None:
    announce("exam", 1)
    Change.objects.bulk_create([Change(topic="exam", subject_id=2)])  # another process, with a key of the database's
    announce("exam", 3)
    Change.objects.bulk_create([Change(topic="exam", subject_id=4)])
    announce("exam", 5)
    assert list(Change.objects.order_by("pk").values_list("subject_id", flat=True)) == [1, 2, 3, 4, 5]
