from __future__ import annotations

import pytest

from ris_core.access.rules import SERVICE_ROUTES, service_may

ID = "0065a786-5155e58c-788eae79-850e4200-5ac989e6"


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [
        ("web", "GET", f"/studies/{ID}"),
        ("web", "POST", "/tools/dicom-echo"),
        ("worker", "GET", "/changes"),
        ("worker", "POST", "/instances"),
        ("worker", "GET", f"/instances/{ID}/attachments/dicom/data"),
        ("monitor", "GET", "/system"),
    ],
)
def test_a_service_may_do_what_it_is_for(service: str, method: str, path: str) -> None:
    assert service_may(service, method, path)


@pytest.mark.parametrize("service", sorted(SERVICE_ROUTES))
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"/studies/{ID}"), ("DELETE", "/changes"), ("PUT", "/system"), ("POST", "/tools/shutdown"),
        ("POST", "/tools/execute-script"), ("GET", f"/studies/{ID}/archive"), ("GET", f"/studies/{ID}/"),
        ("GET", f"/studies/{ID}/../../system"), ("GET", "/studies/x"), ("GET", f"/studies/{ID.upper()}"),
        ("POST", f"/studies/{ID}"), ("GET", "/system/"), ("GET", "//system"), ("get", "/system"), ("GET", "/system\n"),
        ("GET", f"/studies/{ID}\n"), ("GET", "/dicom-web/studies"),
    ],
)  # fmt: skip
def test_no_service_may_do_anything_else(service: str, method: str, path: str) -> None:
    assert not service_may(service, method, path)


def test_an_unknown_service_may_nothing() -> None:
    assert not service_may("", "GET", "/system")
    assert not service_may("portal", "GET", "/system")


def test_the_monitor_reads_figures_only() -> None:
    assert {route.method for route in SERVICE_ROUTES["monitor"]} == {"GET"}
    assert not service_may("monitor", "GET", f"/studies/{ID}")
