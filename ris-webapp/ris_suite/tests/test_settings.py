"""Settings of a suite: what the environment may say, and what the processes are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from ris_suite.layout import SuiteHome
from ris_suite.settings import (
    SettingsProblem,
    SuiteSettings,
    database_url,
    postgres_socket_folder,
    process_environment,
)

PORTS = {
    "nginx": 8080,
    "dicom": 4242,
    "mllp": 2575,
    "mpps": 4243,
    "orthanc": 30001,
    "engine-dicom": 30004,
    "web": 30002,
    "events": 30003,
}


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = SuiteSettings.from_environment({})
    assert (settings.http_port, settings.dicom_port, settings.mllp_port) == (8080, 4242, 2575)
    assert settings.home.path.name == "var"
    assert settings.database == "sqlite"
    assert {settings.http_host, settings.dicom_host, settings.mllp_host} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("host", "switch", "https"),
    [("127.0.0.1", "", False), ("localhost", "", False), ("::", "", True), ("10.0.0.2", "", True),
     ("10.0.0.2", "off", False), ("127.0.0.1", "on", True)],
)  # fmt: skip
def test_what_others_can_reach_speaks_https_unless_it_is_told_not_to(host: str, switch: str, https: bool) -> None:
    settings = SuiteSettings.from_environment({"QUANG_HTTP_HOST": host, "QUANG_HTTPS": switch})
    assert settings.https is https
    given = process_environment(settings, PORTS)
    assert given["QUANG_PUBLIC_URL"].partition(":")[0] == ("https" if https else "http")
    assert bool(given["QUANG_FRONT_DOOR_CERTIFICATE"]) is https


def test_a_given_certificate_needs_its_key() -> None:
    with pytest.raises(SettingsProblem, match="QUANG_HTTPS_KEY"):
        SuiteSettings.from_environment({"QUANG_HTTPS_CERTIFICATE": "/etc/ssl/ris.pem"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUANG_TRUSTED_PROXIES", "10.0.0.1; return 200"),
        ("QUANG_HTTP_PORT", "eighty"),
        ("QUANG_HTTP_PORT", "70000"),
        ("QUANG_DICOM_PORT", "-1"),
        ("QUANG_DATABASE", "mysql"),
        ("QUANG_AUTOMATION", "maybe"),
        ("QUANG_STABLE_AGE_SECONDS", "0"),
        ("QUANG_WEB_PROCESSES", "0"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsProblem, match=name):
        SuiteSettings.from_environment({name: value})


def test_settings_survive_the_way_through_an_environment() -> None:
    before = SuiteSettings.from_environment(
        {
            "QUANG_HOME": "/srv/quang",
            "QUANG_HTTP_PORT": "9090",
            "QUANG_DATABASE": "postgresql",
            "QUANG_AUTOMATION": "off",
            "QUANG_DEMO": "1",
            "QUANG_WEB_PROCESSES": "6",
            "QUANG_PARTS": "orthanc,worker",
            "QUANG_DELIVERY__MAX_ATTEMPTS": "3",
            "QUANG_PUBLIC_URL": "https://ris.example.org",
            "TZ": "Asia/Ho_Chi_Minh",
        }
    )
    assert SuiteSettings.from_environment(before.as_environment()) == before


def test_processes_get_the_contract_and_single_overrides_but_nothing_else_of_the_caller() -> None:
    settings = SuiteSettings.from_environment(
        {"QUANG_HOME": "/srv/quang", "QUANG_DELIVERY__MAX_ATTEMPTS": "3", "AWS_SECRET": "x", "PYTHONPATH": "/elsewhere"}
    )
    environment = process_environment(settings, PORTS)
    assert environment["QUANG_DATABASE_URL"] == "sqlite:////srv/quang/quang.sqlite3"
    assert environment["QUANG_ORTHANC_URL"] == "http://127.0.0.1:30001"
    assert environment["QUANG_PUBLIC_URL"] == "http://127.0.0.1:8080"
    assert environment["QUANG_SETTINGS"] == "/srv/quang/quang.toml"
    assert environment["QUANG_DELIVERY__MAX_ATTEMPTS"] == "3"
    assert not {"AWS_SECRET", "PYTHONPATH", "QUANG_HTTP_HOST"} & environment.keys()


def test_a_home_too_deep_for_a_unix_socket_gets_a_short_alias() -> None:
    deep = SuiteHome(Path("/srv") / ("d" * 90))
    folder = postgres_socket_folder(deep)
    assert len(str(folder / ".s.PGSQL.5432")) < 108
    assert folder != postgres_socket_folder(SuiteHome(Path("/srv") / ("e" * 90)))
    settings = SuiteSettings(home=deep, database="postgresql")
    assert f"host={folder}" in database_url(settings)
