"""Callbacks come on threads that keep nothing: connections must neither leak nor be opened for each of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, connections, transaction

from orthanc_host.connections import LentConnections
from orthanc_host.fakes import FakeHost
from orthanc_host.host import Change
from ris_core.devices.models import Device
from ris_core.devices.services import registry_state

pytestmark = pytest.mark.django_db(transaction=True)


def in_a_new_thread(run: Callable[[], None]) -> None:
    """As Orthanc calls: each time on a thread state that has never been."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            run()
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            errors.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_thousand_callbacks_use_one_connection() -> None:
    lent = LentConnections()
    host = FakeHost(connections=lent)
    host.on_change("NEW_STUDY", lambda change: registry_state() and None)
    in_a_new_thread(lambda: host.changed(Change("NEW_STUDY", "a")))
    before = open_descriptors()
    for _ in range(1000):
        in_a_new_thread(lambda: host.changed(Change("NEW_STUDY", "a")))
    assert (lent.opened, lent.idle, lent.lent) == (1, 1, 0)
    assert open_descriptors() <= before
    assert host.guard.figures()["change NEW_STUDY"] == {
        **host.guard.figures()["change NEW_STUDY"], "calls": 1001, "failures": 0,
    }  # fmt: skip
    lent.close()


def test_callbacks_at_the_same_time_get_connections_of_their_own_and_few_are_kept() -> None:
    lent = LentConnections(idle_limit=2)
    together = threading.Barrier(6)

    def work() -> int:
        with lent.lend():
            together.wait()
            registry_state()
            return id(connections["default"])

    with ThreadPoolExecutor(6) as pool:
        used = [future.result() for future in [pool.submit(work) for _ in range(6)]]
    assert len(set(used)) == 6
    assert (lent.idle, lent.lent) == (2, 0)
    lent.close()


def test_a_unit_within_a_unit_shares_its_connection() -> None:
    lent = LentConnections()
    with lent.lend(), transaction.atomic():
        outer = connections["default"]
        with lent.lend():
            assert connections["default"] is outer
            assert connection.in_atomic_block
        assert connections["default"] is outer
    lent.close()


def test_an_error_in_a_transaction_leaves_a_usable_connection_without_its_changes() -> None:
    lent = LentConnections()

    def fail() -> None:
        with lent.lend(), transaction.atomic():
            Device.objects.create(ae_title="CT1", name="CT")
            raise ValueError

    with pytest.raises(ValueError):
        in_a_new_thread(fail)

    def read() -> None:
        with lent.lend():
            assert not Device.objects.exists()

    in_a_new_thread(read)
    lent.close()


def test_a_connection_left_inside_a_transaction_is_not_given_to_the_next() -> None:
    lent = LentConnections()

    def leave_open() -> None:
        with lent.lend():
            connection.ensure_connection()
            transaction.set_autocommit(False)
            Device.objects.create(ae_title="CT1", name="CT")

    in_a_new_thread(leave_open)

    def read() -> None:
        with lent.lend():
            assert transaction.get_autocommit()
            assert not Device.objects.exists()

    in_a_new_thread(read)
    lent.close()


def test_a_database_file_that_is_gone_is_an_error_although_a_connection_is_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    lent = LentConnections()
    with lent.lend():
        registry_state()
    settings = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{tmp_path}/gone.sqlite3"}}
    monkeypatch.setattr(connections, "settings", settings)
    with pytest.raises(OperationalError), lent.lend():
        registry_state()
    assert not os.path.exists(f"{tmp_path}/gone.sqlite3"), "and no empty one was made in its place"
