"""Typed, frozen settings from one TOML file and the environment; an unknown key is an error.

Order of precedence: ``QUANG_<SECTION>__<KEY>`` in the environment, then the file named by ``QUANG_SETTINGS``
(default ``$QUANG_HOME/quang.toml``), then the defaults below. ``docs/configuration.md`` lists every key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ris_core.access.settings import Access
from ris_core.audit.settings import Audit
from ris_core.backups.settings import Backup
from ris_core.data_requests.settings import DataRequests
from ris_core.devices.settings import Dicom
from ris_core.directories.settings import Directory
from ris_core.errors import SettingsInvalid
from ris_core.exports.settings import Exports
from ris_core.hl7.settings import Hl7
from ris_core.imports.settings import Imports
from ris_core.letters.settings import Mail, Sms
from ris_core.openid.settings import OpenidProvider
from ris_core.performed.settings import Mpps
from ris_core.portal.settings import Portal
from ris_core.provisioning.settings import Scim
from ris_core.settings_section import Section
from ris_core.sharing.settings import Sharing
from ris_core.signatures.settings import Signing
from ris_core.teaching.settings import Teaching


class Site(Section, frozen=True):
    """The hospital itself."""

    name: str = "Bệnh viện Quang"
    department: str = "Khoa Chẩn đoán hình ảnh"
    address: str = ""
    phone: str = ""
    time_zone: str = "Asia/Ho_Chi_Minh"
    language: Literal["vi", "en"] = "vi"
    patient_id_issuer: str = ""
    """Who issues the patient numbers that are typed here: as the HIS names it in PID-3.4 (or MSH-4)."""
    uid_root: str = "2.25"
    """DICOM root under which StudyInstanceUIDs are made; ``2.25`` makes UUID-derived UIDs (PS3.5 B.2)."""


class Worklist(Section, frozen=True):
    """Modality worklist."""

    max_answers: int = 500
    shown_until: Literal["STARTED", "COMPLETED"] = "STARTED"
    """How long a scheduled step stays on the worklist."""


class AutoMapping(Section, frozen=True):
    """Linking of arrived studies to orders."""

    sweep_interval_seconds: float = 60.0
    correct_images: bool = True
    """Whether stored images are brought in line with the order that they are linked to."""
    kept_copies_mebibytes: int = 4096
    """Room for other images under the UIDs of stored ones; without room a device is told to send again later."""


class Delivery(Section, frozen=True):
    """Results on their way to the HIS."""

    max_attempts: int = 30
    first_retry_seconds: float = 5.0
    longest_retry_seconds: float = 900.0
    timeout_seconds: float = 20.0
    max_acknowledgement_bytes: int = 65536


class Reading(Section, frozen=True):
    """Who holds an exam while it is read, and what is kept of what is typed."""

    release_after_minutes: float = 60.0
    """An exam that is held so long without work on it is given back, its draft stays; 0: never."""
    draft_states_days: float = 30.0
    """How long earlier states of drafts are kept; approved versions are kept for good."""
    local_keep_hours: float = 72.0
    """How long what has not reached the server stays, sealed, on the reader's computer; 0: nothing is kept there."""
    dictation: bool = False
    """Whether readers may dictate by the browser's speech recognition, which may send sound to the browser's maker."""


class Critical(Section, frozen=True):
    """Within how many minutes a critical result is to be acknowledged before it is escalated."""

    red_minutes: float = 15.0
    orange_minutes: float = 60.0
    yellow_minutes: float = 1440.0


class Worker(Section, frozen=True):
    """The process that runs durable jobs."""

    lease_seconds: float = 20.0
    """After a worker has died its jobs wait this long at most before another takes them."""


class Viewer(Section, frozen=True):
    """Images on their way to a viewer."""

    frames_at_once: int = 2
    """Frames that each process of the web app compresses at a time for slow links; 0: none, all go as stored."""


class Api(Section, frozen=True):
    """REST and FHIR interfaces for other systems' programs."""

    max_body_bytes: int = 1024 * 1024
    max_bulk_orders: int = 100
    max_page: int = 200
    requests_per_minute: int = 600
    """Of one key, in each process of the web app."""


class Fhir(Section, frozen=True):
    """Identifier systems by which FHIR tells numbers apart."""

    identifier_base: str = "urn:quang:id"
    """What the systems of our own and the senders' numbers begin with."""
    citizen_id_system: str = "urn:quang:id:cccd"
    insurance_card_system: str = "urn:quang:id:bhyt"


class Webhooks(Section, frozen=True):
    """Events posted to other systems' programs."""

    plain_hosts: str = ""
    """Hosts, separated by blanks, that may be reached by plain HTTP and be on this machine."""


class Automation(Section, frozen=True):
    """Switches; with ``enabled`` off Orthanc carries the plugins and none of their effects."""

    enabled: bool = True


class Settings(Section, frozen=True):
    """Everything configurable, by section."""

    home: Path
    database_url: str
    secrets_dir: Path
    public_url: str = "http://127.0.0.1:8080"
    orthanc_url: str = "http://127.0.0.1:8042"
    mllp_host: str = "127.0.0.1"
    mllp_port: int = 2575
    mpps_host: str = "127.0.0.1"
    mpps_port: int = 4243
    front_door_certificate: str = ""
    """PEM file that the front door shows; empty: it speaks plain HTTP, or who tells us does not know."""
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 4242
    engine_dicom_port: int = 0
    """Where the engine itself listens on loopback, behind the gate; 0: it listens at the port of devices."""
    debug: bool = False
    site: Site = Site()
    hl7: Hl7 = Hl7()
    dicom: Dicom = Dicom()
    mpps: Mpps = Mpps()
    worklist: Worklist = Worklist()
    mapping: AutoMapping = AutoMapping()
    delivery: Delivery = Delivery()
    reading: Reading = Reading()
    critical: Critical = Critical()
    mail: Mail = Mail()
    sms: Sms = Sms()
    sharing: Sharing = Sharing()
    exports: Exports = Exports()
    teaching: Teaching = Teaching()
    portal: Portal = Portal()
    data_requests: DataRequests = DataRequests()
    imports: Imports = Imports()
    worker: Worker = Worker()
    access: Access = Access()
    viewer: Viewer = Viewer()
    api: Api = Api()
    fhir: Fhir = Fhir()
    webhooks: Webhooks = Webhooks()
    signing: Signing = Signing()
    audit: Audit = Audit()
    backup: Backup = Backup()
    automation: Automation = Automation()
    directories: tuple[Directory, ...] = ()
    """Directories whose people log in here, in the order in which they are asked."""
    openid: tuple[OpenidProvider, ...] = ()
    """Providers at which people may log in instead, each with a button on the login page."""
    scim: Scim = Scim()

    def __post_init__(self) -> None:
        """:raises ValueError: two directories or providers have one name"""
        names = [one.name for one in self.directories] + [one.name for one in self.openid]
        if len(set(names)) < len(names):
            raise ValueError("directories, openid: each needs a name of its own")
        if self.scim.login not in ("", *names):
            raise ValueError("scim.login names none of the directories or OpenID providers")

    @property
    def certificates(self) -> Path:
        """Where certificates lie that were made here."""
        return self.home / "certificates"

    @property
    def dicom_certificate(self) -> Path:
        return Path(self.dicom.tls_certificate) if self.dicom.tls_certificate else self.certificates / "dicom.pem"

    @property
    def dicom_key(self) -> Path:
        return Path(self.dicom.tls_key) if self.dicom.tls_key else self.certificates / "dicom.key"

    @property
    def dicom_client_ca(self) -> Path:
        return Path(self.dicom.tls_client_ca) if self.dicom.tls_client_ca else self.certificates / "authority.pem"

    def secret(self, name: str) -> str:
        """The content of a secret's file; raises :class:`SettingsInvalid` when it is missing or empty."""
        path = self.secrets_dir / name
        try:
            value = path.read_text().strip()
        except OSError as error:
            raise SettingsInvalid(f"secret file {path} cannot be read: {error.strerror}", field=name) from error
        if not value:
            raise SettingsInvalid(f"secret file {path} is empty", field=name)
        return value

    def secret_lines(self, name: str) -> tuple[str, ...]:
        """The keys of a secret's file that has several, one a line: the present one, then older ones still taken.

        :raises SettingsInvalid: see :meth:`secret`
        """
        return tuple(line.strip() for line in self.secret(name).splitlines() if line.strip())


_PLAIN = {
    "QUANG_HOME": "home",
    "QUANG_DATABASE_URL": "database_url",
    "QUANG_SECRETS_DIR": "secrets_dir",
    "QUANG_PUBLIC_URL": "public_url",
    "QUANG_ORTHANC_URL": "orthanc_url",
    "QUANG_MLLP_HOST": "mllp_host",
    "QUANG_MLLP_PORT": "mllp_port",
    "QUANG_MPPS_HOST": "mpps_host",
    "QUANG_MPPS_PORT": "mpps_port",
    "QUANG_FRONT_DOOR_CERTIFICATE": "front_door_certificate",
    "QUANG_DICOM_GATE_HOST": "dicom_host",
    "QUANG_DICOM_PORT": "dicom_port",
    "QUANG_ENGINE_DICOM_PORT": "engine_dicom_port",
    "QUANG_DEBUG": "debug",
}


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value)).absolute()
    raise NotImplementedError(kind)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings from ``environ`` and the file it names.

    :raises SettingsInvalid: for an unknown key or a value of the wrong type, naming it
    """
    home = Path(environ.get("QUANG_HOME", "var")).absolute()
    path = Path(environ.get("QUANG_SETTINGS") or home / "quang.toml")
    data: dict[str, Any] = {}
    if path.exists():
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsInvalid(f"{path}: {error}") from error
    data.setdefault("home", str(home))
    data.setdefault("database_url", f"sqlite:///{home}/quang.sqlite3")
    data.setdefault("secrets_dir", str(home / "secrets"))
    for name, value in environ.items():
        if name in _PLAIN:
            data[_PLAIN[name]] = value
        elif name.startswith("QUANG_") and "__" in name:
            section, _, key = name.removeprefix("QUANG_").lower().partition("__")
            data.setdefault(section, {})[key] = value
    if "QUANG_AUTOMATION" in environ:
        data.setdefault("automation", {})["enabled"] = environ["QUANG_AUTOMATION"] != "off"
    try:
        return msgspec.convert(data, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"settings ({path} and QUANG_* environment): {error}") from error
