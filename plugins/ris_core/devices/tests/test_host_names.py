"""Devices registered by their host's name, with a name server that works, fails and works again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone

from ris_core.audit.services import SYSTEM
from ris_core.devices import host_names
from ris_core.devices.admission import read_networks
from ris_core.devices.models import Device, HostAddresses
from ris_core.devices.nodes import known_nodes
from ris_core.devices.services import DeviceRegistration, register_device

pytestmark = pytest.mark.django_db

NAME = "ct1.hospital.vn"


@contextmanager
def name_server(*addresses: str) -> Iterator[list[str]]:
    """One that answers with these addresses, or not at all; and what it was asked."""
    asked: list[str] = []

    def answer(host: str, *_rest: object, **_named: object) -> list[object]:
        asked.append(host)
        if not addresses:
            raise OSError("no name server")
        return [(2, 1, 6, "", (address, 0)) for address in addresses]

    with patch("ris_core.devices.host_names.socket.getaddrinfo", side_effect=answer):
        yield asked


def time_passes(**by: float) -> None:
    """Everything that is kept is older."""
    for kept in HostAddresses.objects.all():
        for name in ("looked_at", "found_at", "failing_since"):
            if getattr(kept, name) is not None:
                setattr(kept, name, getattr(kept, name) - timedelta(**by))
        kept.save()


@pytest.fixture(autouse=True)
def ct1() -> None:
    register_device(DeviceRegistration(ae_title="CT1", name="CT 1", host=NAME), SYSTEM)


def test_a_host_by_name_calls_from_where_the_name_leads() -> None:
    with name_server("10.0.0.9", "fe80::1%eth0"):
        assert set(known_nodes()["CT1"].networks) == set(read_networks("10.0.0.9 fe80::1"))
    assert list(host_names.failing()) == []


def test_a_name_that_never_led_anywhere_lets_nobody_in_and_is_told() -> None:
    with name_server():
        assert known_nodes()["CT1"].networks == ()
    (told,) = host_names.failing()
    assert (told.host, host_names.holds_until(told)) == (NAME, None)


def test_when_names_cannot_be_looked_up_the_last_addresses_hold_and_it_is_told() -> None:
    with name_server("10.0.0.9"):
        known_nodes()
    time_passes(hours=23)
    with name_server():
        assert known_nodes()["CT1"].networks == read_networks("10.0.0.9")
    (told,) = host_names.failing()
    until = host_names.holds_until(told)
    assert until is not None
    assert until < timezone.now() + timedelta(hours=1, minutes=1)


def test_they_do_not_hold_for_ever() -> None:
    with name_server("10.0.0.9"):
        known_nodes()
    time_passes(hours=25)
    with name_server():
        assert known_nodes()["CT1"].networks == ()
    (told,) = host_names.failing()
    assert host_names.holds_until(told) is None


def test_since_when_it_fails_is_kept_until_it_leads_somewhere_again_perhaps_elsewhere() -> None:
    with name_server():
        known_nodes()
        since = HostAddresses.objects.get().failing_since
        host_names.look_up(NAME, timezone.now())
        assert HostAddresses.objects.get().failing_since == since
    with name_server("10.0.0.10"):
        host_names.look_up(NAME, timezone.now())
        assert known_nodes()["CT1"].networks == read_networks("10.0.0.10")
    assert list(host_names.failing()) == []


def test_what_was_looked_up_in_the_background_is_not_looked_up_by_who_waits_for_it() -> None:
    with name_server("10.0.0.9") as asked:
        for _ in range(3):
            known_nodes()
        assert asked == [NAME]
        time_passes(minutes=6)
        known_nodes()
        assert asked == [NAME, NAME]


def test_only_names_that_somebody_is_let_in_by_are_looked_up_and_told() -> None:
    register_device(DeviceRegistration(ae_title="MR1", name="MR 1", host="10.0.0.6"), SYSTEM)
    register_device(DeviceRegistration(ae_title="US1", name="US 1", host="us1", networks="10.0.4.0/24"), SYSTEM)
    register_device(DeviceRegistration(ae_title="DX1", name="DX 1", host=NAME), SYSTEM)
    assert host_names.names_in_use() == [NAME]
    with name_server():
        known_nodes()
    Device.objects.filter(host=NAME).update(active=False)
    assert list(host_names.failing()) == []
