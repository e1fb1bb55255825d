"""The settings of one suite, from the environment (``QUANG_*``), and the environment that its processes are given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Literal, cast

from ris_suite import layout
from ris_suite.layout import SuiteHome

Database = Literal["sqlite", "postgresql"]

_PASSED_ON = (
    *("LANG", "LC_ALL", "TZ"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_NOT_PASSED_ON = frozenset(
    {
        "QUANG_HOME",
        "QUANG_DATABASE",
        "QUANG_DEMO",
        "QUANG_AUTOMATION",
        "QUANG_STABLE_AGE_SECONDS",
        "QUANG_WEB_PROCESSES",
    }
    | {"QUANG_HTTP_PORT", "QUANG_DICOM_PORT", "QUANG_MLLP_PORT", "QUANG_MPPS_PORT"}
    | {"QUANG_HTTP_HOST", "QUANG_DICOM_HOST", "QUANG_MLLP_HOST", "QUANG_MPPS_HOST"}
    | {
        "QUANG_PUBLIC_URL",
        "QUANG_HTTPS",
        "QUANG_HTTPS_CERTIFICATE",
        "QUANG_HTTPS_KEY",
        "QUANG_TRUSTED_PROXIES",
        "QUANG_SETTINGS",
        "QUANG_DATABASE_URL",
        "QUANG_ORTHANC_URL",
        "QUANG_SECRETS_DIR",
        "QUANG_CORPUS",
        "QUANG_DEBIAN_MIRROR",
        "QUANG_PARTS",
    }
)


class SettingsProblem(Exception):
    """A setting in the environment is wrong; ``str()`` names it."""


@dataclass(frozen=True)
class SuiteSettings:
    """One suite. A port of 0 means: pick a free one and keep it (``$QUANG_HOME/run/ports.json``)."""

    home: SuiteHome
    http_port: int = 8080
    dicom_port: int = 4242
    mllp_port: int = 2575
    mpps_port: int = 4243
    http_host: str = "127.0.0.1"
    dicom_host: str = "127.0.0.1"
    mllp_host: str = "127.0.0.1"
    mpps_host: str = "127.0.0.1"
    database: Database = "sqlite"
    public_url: str | None = None
    https: bool = False
    https_certificate: Path | None = None
    """A certificate that was given, and its key; None: one is made."""
    https_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    automation: bool = True
    demo: bool = False
    stable_age_seconds: int = 5
    web_processes: int = 2
    """Of the web app; each answers four requests at a time."""
    settings_file: Path | None = None
    parts: frozenset[str] | None = None
    """Only these parts are started (``QUANG_PARTS=orthanc,worker``); None means all."""
    passed_on: Mapping[str, str] = field(default_factory=dict)
    """Variables for every process: overrides of single settings (``QUANG_DELIVERY__MAX_ATTEMPTS``), locale, proxy."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SuiteSettings:
        """Reads ``QUANG_*``.

        Raises:
            SettingsProblem: a port, the database or a switch has a value that it cannot have.
        """
        database = environment.get("QUANG_DATABASE", "sqlite")
        if database not in ("sqlite", "postgresql"):
            raise SettingsProblem(f"QUANG_DATABASE is {database!r}; it can be sqlite or postgresql")
        settings_file = environment.get("QUANG_SETTINGS")
        http_host = environment.get("QUANG_HTTP_HOST", cls.http_host)
        if ("QUANG_HTTPS_CERTIFICATE" in environment) != ("QUANG_HTTPS_KEY" in environment):
            raise SettingsProblem("QUANG_HTTPS_CERTIFICATE and QUANG_HTTPS_KEY: a certificate needs its key")
        return cls(
            home=SuiteHome(Path(environment.get("QUANG_HOME") or layout.REPOSITORY / "var").absolute()),
            http_port=_port(environment, "QUANG_HTTP_PORT", cls.http_port),
            dicom_port=_port(environment, "QUANG_DICOM_PORT", cls.dicom_port),
            mllp_port=_port(environment, "QUANG_MLLP_PORT", cls.mllp_port),
            mpps_port=_port(environment, "QUANG_MPPS_PORT", cls.mpps_port),
            http_host=http_host,
            dicom_host=environment.get("QUANG_DICOM_HOST", cls.dicom_host),
            mllp_host=environment.get("QUANG_MLLP_HOST", cls.mllp_host),
            mpps_host=environment.get("QUANG_MPPS_HOST", cls.mpps_host),
            database=cast(Database, database),
            public_url=environment.get("QUANG_PUBLIC_URL"),
            https=_switch(environment, "QUANG_HTTPS", default=not is_loopback(http_host)),
            https_certificate=_file(environment, "QUANG_HTTPS_CERTIFICATE"),
            https_key=_file(environment, "QUANG_HTTPS_KEY"),
            trusted_proxies=_networks(environment, "QUANG_TRUSTED_PROXIES"),
            automation=_switch(environment, "QUANG_AUTOMATION", default=True),
            demo=_switch(environment, "QUANG_DEMO", default=False),
            stable_age_seconds=_number(environment, "QUANG_STABLE_AGE_SECONDS", cls.stable_age_seconds, 1, 3600),
            web_processes=_number(environment, "QUANG_WEB_PROCESSES", cls.web_processes, 1, 16),
            parts=frozenset(environment["QUANG_PARTS"].split(",")) if environment.get("QUANG_PARTS") else None,
            settings_file=Path(settings_file).absolute() if settings_file else None,
            passed_on={
                name: value
                for name, value in environment.items()
                if name in _PASSED_ON or (name.startswith("QUANG_") and name not in _NOT_PASSED_ON)
            },
        )

    def as_environment(self) -> dict[str, str]:
        """The variables from which :meth:`from_environment` makes these settings again."""
        environment = {
            **self.passed_on,
            "QUANG_HOME": str(self.home.path),
            "QUANG_HTTP_PORT": str(self.http_port),
            "QUANG_DICOM_PORT": str(self.dicom_port),
            "QUANG_MLLP_PORT": str(self.mllp_port),
            "QUANG_MPPS_PORT": str(self.mpps_port),
            "QUANG_HTTP_HOST": self.http_host,
            "QUANG_DICOM_HOST": self.dicom_host,
            "QUANG_MLLP_HOST": self.mllp_host,
            "QUANG_MPPS_HOST": self.mpps_host,
            "QUANG_DATABASE": self.database,
            "QUANG_AUTOMATION": "on" if self.automation else "off",
            "QUANG_HTTPS": "on" if self.https else "off",
            "QUANG_TRUSTED_PROXIES": ",".join(self.trusted_proxies),
            "QUANG_DEMO": "on" if self.demo else "off",
            "QUANG_STABLE_AGE_SECONDS": str(self.stable_age_seconds),
            "QUANG_WEB_PROCESSES": str(self.web_processes),
            "QUANG_PARTS": ",".join(sorted(self.parts)) if self.parts else "",
        }
        if self.public_url:
            environment["QUANG_PUBLIC_URL"] = self.public_url
        if self.https_certificate and self.https_key:
            environment["QUANG_HTTPS_CERTIFICATE"] = str(self.https_certificate)
            environment["QUANG_HTTPS_KEY"] = str(self.https_key)
        if self.settings_file:
            environment["QUANG_SETTINGS"] = str(self.settings_file)
        return environment

    @property
    def front_door_certificate(self) -> Path:
        """The certificate of HTTPS: the one that was given, else the one that is made here."""
        return self.https_certificate or self.home.path / "certificates" / "front-door.pem"

    @property
    def front_door_key(self) -> Path:
        return self.https_key or self.home.path / "certificates" / "front-door.key"

    @property
    def settings_path(self) -> Path:
        return self.settings_file or self.home.path / "quang.toml"


def process_environment(settings: SuiteSettings, ports: Mapping[str, int]) -> dict[str, str]:
    """What every process of the suite finds in its environment, and nothing else of the caller's."""
    home = settings.home
    return {
        **settings.passed_on,
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "HOME": str(home.run),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": "ris_webapp.settings",
        "QUANG_HOME": str(home.path),
        "QUANG_SETTINGS": str(settings.settings_path),
        "QUANG_DATABASE_URL": database_url(settings),
        "QUANG_SECRETS_DIR": str(home.secrets),
        "QUANG_PUBLIC_URL": public_url(settings, ports),
        "QUANG_FRONT_DOOR_CERTIFICATE": str(settings.front_door_certificate) if settings.https else "",
        "QUANG_ORTHANC_URL": f"http://127.0.0.1:{ports['orthanc']}",
        "QUANG_HTTP_PORT": str(ports["nginx"]),
        "QUANG_DICOM_PORT": str(ports["dicom"]),
        "QUANG_DICOM_GATE_HOST": settings.dicom_host,
        "QUANG_ENGINE_DICOM_PORT": str(ports["engine-dicom"]),
        "QUANG_MLLP_PORT": str(ports["mllp"]),
        "QUANG_MLLP_HOST": settings.mllp_host,
        "QUANG_MPPS_PORT": str(ports["mpps"]),
        "QUANG_MPPS_HOST": settings.mpps_host,
        "QUANG_AUTOMATION": "on" if settings.automation else "off",
    }


def public_url(settings: SuiteSettings, ports: Mapping[str, int]) -> str:
    scheme = "https" if settings.https else "http"
    return (settings.public_url or f"{scheme}://127.0.0.1:{ports['nginx']}").rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def database_url(settings: SuiteSettings) -> str:
    if settings.database == "postgresql":
        return f"postgresql:///quang?host={postgres_socket_folder(settings.home)}&user=quang"
    return f"sqlite:///{settings.home.sqlite_database}"


def postgres_socket_folder(home: SuiteHome) -> Path:
    """Where PostgreSQL's socket lies. A socket's path is limited to 107 bytes, so a deep home gets a short alias."""
    folder = home.run / "postgres"
    if len(str(folder / ".s.PGSQL.5432")) <= 100:
        return folder
    return Path("/var/tmp") / f"quang-{hashlib.sha256(bytes(home.path)).hexdigest()[:12]}"  # noqa: S108 (mode 700)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return _number(environment, name, default, 0, 65535)


def _number(environment: Mapping[str, str], name: str, default: int, lowest: int, highest: int) -> int:
    text = environment.get(name)
    if text is None or text == "":
        return default
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise SettingsProblem(f"{name} is {text!r}; it must be a number from {lowest} to {highest}")
    return int(text)


def _file(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]).absolute() if environment.get(name) else None


def _networks(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Addresses and networks separated by commas: nothing else gets into nginx's configuration."""
    parts = [part.strip() for part in environment.get(name, "").split(",") if part.strip()]
    try:
        return tuple(str(ip_network(part, strict=False)) for part in parts)
    except ValueError as error:
        raise SettingsProblem(f"{name}: {error}") from error


def _switch(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name, "").lower()
    if text == "":
        return default
    if text in ("on", "1", "true", "yes"):
        return True
    if text in ("off", "0", "false", "no"):
        return False
    raise SettingsProblem(f"{name} is {text!r}; it can be on or off")
