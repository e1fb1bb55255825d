"""Who may associate: by title, address and certificate."""

from __future__ import annotations

import pytest

from ris_core.devices.admission import Caller, Node, Reason, read_networks, why_refused

CT1 = Node("CT1", networks=read_networks("10.0.0.5, 10.0.4.0/24 fd00::/8"))
TLS_ONLY = Node("CT1", networks=CT1.networks, plain=False)
FINGERPRINT = "AB" * 32


@pytest.mark.parametrize(
    ("node", "caller", "reason"),
    [
        (CT1, Caller("CT1", "10.0.0.5"), None),
        (CT1, Caller("CT1", "10.0.4.99"), None),
        (CT1, Caller("CT1", "::ffff:10.0.4.99"), None),
        (CT1, Caller("CT1", "fd12::7"), None),
        (CT1, Caller("CT1", "10.0.0.6"), Reason.ADDRESS),
        (CT1, Caller("CT1", "somewhere"), Reason.ADDRESS),
        (Node("CT1"), Caller("CT1", "127.0.0.1"), Reason.ADDRESS),
        (None, Caller("CT1", "10.0.0.5"), Reason.UNKNOWN),
        (Node("CT1", networks=CT1.networks, active=False), Caller("CT1", "10.0.0.5"), Reason.WITHDRAWN),
        (TLS_ONLY, Caller("CT1", "10.0.0.5"), Reason.PLAIN),
        (TLS_ONLY, Caller("CT1", "10.0.0.5", ("CN=CT1",)), None),
        (TLS_ONLY, Caller("CT1", "10.0.0.5", ("CN=CT2", FINGERPRINT)), Reason.CERTIFICATE),
        (TLS_ONLY, Caller("CT1", "10.0.0.5", ()), Reason.CERTIFICATE),
        (Node("CT1", networks=CT1.networks, certificate=FINGERPRINT.lower()),
         Caller("CT1", "10.0.0.5", (FINGERPRINT, "CN=vendor")), None),
        (Node("CT1", networks=CT1.networks, certificate="CN=vendor"),
         Caller("CT1", "10.0.0.5", ("CN=CT1",)), Reason.CERTIFICATE),
    ],
)  # fmt: skip
def test_a_node_is_who_it_says_when_address_and_certificate_say_so_too(
    node: Node | None, caller: Caller, reason: Reason | None
) -> None:
    assert why_refused(node, caller) is reason


def test_addresses_count_for_nothing_where_a_setting_says_so() -> None:
    assert why_refused(CT1, Caller("CT1", "192.168.1.1"), check_addresses=False) is None


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.256"):
        read_networks("10.0.0.5, 10.0.0.256")
