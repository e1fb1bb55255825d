"""Typed, frozen settings from one TOML file and the environment; an unknown key is an error.

Order of precedence: ``QUANG_<SECTION>__<KEY>`` in the environment, then the file named by ``QUANG_SETTINGS``
(default ``$QUANG_HOME/quang.toml``), then the defaults below. ``docs/configuration.md`` lists every key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from ris_core.directories.settings import Directory
from ris_core.errors import SettingsInvalid
from ris_core.openid.settings import OpenidProvider
from ris_core.second_factors.rules import roles_in
from ris_core.settings_section import Section


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


class Hl7(Section, frozen=True):
    """HL7 v2 over MLLP, inbound."""

    application: str = "QUANG"
    facility: str = "RIS"
    max_message_bytes: int = 4 * 1024 * 1024
    max_connections: int = 64
    max_connections_per_peer: int = 32
    allowed_networks: str = ""
    """Addresses and networks that may connect, separated by commas; empty: any."""
    tls_port: int = 0
    """Port for MLLP over TLS; 0: none."""
    tls_host: str = "0.0.0.0"  # noqa: S104 - TLS is made to be reached from elsewhere
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    """PEM file of who signs the senders' certificates; empty: senders need none."""
    idle_timeout_seconds: float = 600.0
    frame_timeout_seconds: float = 30.0
    """Longest time from a frame's first to its last byte."""
    updates_create_patients: bool = True
    """Whether ADT A08 and A31 of a patient who is not known here add them; else they are answered AE 204."""
    undeclared_charset: str = "utf-8"
    """Character set of a message whose MSH-18 is empty; falls back to windows-1258 when the bytes are not valid."""
    unknown_senders: Literal["accept", "refuse"] = "accept"
    """What is done with messages of systems that are not registered: read them by the default profile, or answer AR."""


class Dicom(Section, frozen=True):
    """The DICOM engine."""

    ae_title: str = "QUANG"
    registered_only: bool = True
    """Only devices in the registry may store, query or retrieve."""
    check_addresses: bool = True
    """A device may call from its own address or networks only."""
    plain: bool = True
    """Whether DICOM without TLS is listened to at all; which devices may is said with each."""
    tls_port: int = 0
    """Port for DICOM over TLS, by certificates on both sides; 0: none. Port 2762 is registered for it."""
    tls_host: str = "0.0.0.0"  # noqa: S104 - TLS is made to be reached from elsewhere
    tls_certificate: str = ""
    """PEM files of our certificate, its key, and of who signs the devices'; empty: ``dicom.pem``, ``dicom.key`` and
    ``authority.pem`` under ``certificates/`` in the home."""
    tls_key: str = ""
    tls_client_ca: str = ""
    max_associations: int = 128
    max_associations_per_address: int = 64


class Mpps(Section, frozen=True):
    """Performed procedure steps reported by devices."""

    tls_port: int = 0
    """Port for reports over TLS, with the certificates of section ``dicom``; 0: none."""
    max_associations: int = 32
    idle_timeout_seconds: float = 300.0
    """An association on which nothing is said for so long is aborted; some devices keep one open during an exam."""
    answer_timeout_seconds: float = 30.0
    max_pdu_bytes: int = 65536
    max_dataset_bytes: int = 4 * 1024 * 1024
    wait_for_images_minutes: float = 30.0
    """How long an exam waits for images that its device says it made; then it is ready to read, with a warning."""


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


class Mail(Section, frozen=True):
    """The hospital's mail server, for notifications by e-mail."""

    host: str = ""
    """Empty: no mail is sent."""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """``starttls`` (port 587) or ``tls`` (port 465), the certificate verified; ``none`` only for a relay on this
    machine."""
    username: str = ""
    """Empty: no login. The password is the secret file ``smtp_password``."""
    sender: str = "quang@localhost"
    ca_file: str = ""
    """PEM file of who signed the server's certificate; empty: those that the machine trusts."""


class Sms(Section, frozen=True):
    """The HTTP gateway for short messages."""

    url: str = ""
    """Empty: none are sent."""
    body: Literal["json", "form"] = "json"
    to_field: str = "to"
    text_field: str = "text"
    id_field: str = ""
    """Field for a number that is the same when a message is sent again; empty: none."""
    fixed_fields: str = ""
    """Further fields, as in an address: ``brandname=BVQ&unicode=1``."""
    authorization: str = ""
    """Scheme of the header ``Authorization``, before the secret file ``sms_token``: ``Bearer``; empty: no header."""


class Sharing(Section, frozen=True):
    """Exams shown to people without an account."""

    longest_days: int = 90
    """How long a share may last, counted from when it is made or prolonged."""
    usual_days: int = 7
    """What is offered first."""


class Exports(Section, frozen=True):
    """Exams given out as files."""

    kept_hours: float = 72.0
    """How long finished files can be downloaded."""
    kept_gibibytes: int = 60
    """Room for all exports together."""
    largest_gibibytes: int = 20
    """What one may become, by estimate."""


class Portal(Section, frozen=True):
    """Where patients look up their results by the code on their slip."""

    enabled: bool = True
    """Without it no slip is made, and none opens anything."""
    slip_days: int = 180
    """How long the code of a slip opens."""
    sms_code: bool = False
    """Whether a one-time code is sent besides to patients whose telephone number is known; needs ``sms.url``."""
    session_idle_minutes: int = 15
    session_hours: int = 2
    """A visit ends then, however much it is used."""
    most_wrong_of_address: int = 30
    """Wrong codes within 15 minutes from one address (a hospital's whole Wi-Fi may be one) before it is shut out."""
    most_wrong_in_all: int = 1000
    """Wrong codes within 15 minutes from everywhere before the door stays shut for all."""
    patients_share: bool = True
    """Whether patients may show their results to others by a link."""
    share_days: int = 7
    """How long such a link lasts at most."""
    shows_viewers: bool = False
    """Whether patients see who of the hospital has opened their exams."""


class Imports(Section, frozen=True):
    """Images from outside."""

    largest_gibibytes: int = 10
    """What one import may hand in, and what may come out of it."""
    kept_days: float = 14.0
    """Undecided ones are thrown away after so long."""


class Worker(Section, frozen=True):
    """The process that runs durable jobs."""

    lease_seconds: float = 20.0
    """After a worker has died its jobs wait this long at most before another takes them."""


class Access(Section, frozen=True):
    """Viewer tokens and sessions."""

    viewer_token_minutes: int = 480
    """How long a viewer opened from the RIS may load images."""
    result_link_hours: int = 168
    """How long the signed viewer link in a result sent to the HIS may be opened."""
    launch_skew_seconds: int = 300
    session_idle_minutes: int = 60
    session_hours: int = 12
    """A session ends then, however much it is used."""
    password_days: int = 90
    """A password is renewed after so many days unless the account says otherwise; 0: never."""
    emergency_minutes: int = 60
    """How long a patient who was opened in an emergency stays open to whoever opened them."""
    second_administrator: bool = False
    """Who manages accounts gives themselves no function that shows or decides findings; another administrator does."""
    second_factor_roles: str = ""
    """Roles that must have a second factor, separated by commas: ``ADMINISTRATOR, SENIOR``; empty: whoever wants."""
    admin_second_factor: bool = False
    """Whether screens of administration open only after a login with a second factor."""
    admin_networks: str = ""
    """Addresses and networks from which they open, separated by commas; empty: not limited by them. With both, one is
    enough."""
    webauthn_host: str = ""
    """Host that security keys are for (relying party ID); empty: that of ``public_url``. Another one later makes every
    key worthless."""
    failed_logins_per_address: int = 50
    """So many failed logins from one address within 15 minutes close the login page to it; 0: no limit."""
    further_hosts: str = ""
    """Host names, separated by blanks, by which the web app is asked besides that of ``public_url`` and loopback."""
    basic_for_tools: bool = False
    """Whether people's programs may log in to Orthanc's HTTP by name and password (Basic)."""

    def __post_init__(self) -> None:
        """:raises ValueError: ``second_factor_roles`` lists what cannot be a role's code"""
        for role in sorted(roles_in(self.second_factor_roles)):
            if not re.fullmatch(r"[A-Z0-9_]{2,16}", role):
                raise ValueError(f"access.second_factor_roles lists codes of roles, such as SENIOR; not {role}")


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


class Signing(Section, frozen=True):
    """Digital signatures of reports. What an administrator chooses on the screen (level, time stamps, trusted
    certificates) is in the database."""

    unlocked_minutes: int = 240
    """How long a key that its owner has unlocked may be used before PIN or passphrase are asked for again."""
    timeout_seconds: float = 15.0
    """Longest wait for one answer of a time-stamping, revocation or remote signing service."""
    pkcs11_module: str = ""
    """Library of the tokens' maker (``/usr/lib/softhsm/libsofthsm2.so``); empty: keys on tokens are not used."""
    csc_url: str = ""
    """Base address of a remote signing service (CSC API); empty: none. Its client secret is the file
    ``csc_client_secret``."""
    csc_version: Literal[1, 2] = 1
    csc_client_id: str = ""
    inner_hosts: str = ""
    """Hosts, separated by blanks, at which a time-stamping authority may be though they are this machine."""
    checks_per_minute: int = 10
    """Files that one address may hand in to be checked, in each process of the web app."""


class Audit(Section, frozen=True):
    """The audit trail."""

    seal_seconds: float = 5.0
    """How soon an event gets its place in the chain in which nothing can be changed unnoticed."""
    export_hours: float = 24.0
    """How often new events are written to files under the home (``audit/``)."""
    searched_words: Literal["hashed", "plain"] = "hashed"
    """How the words of a search are kept: as a keyed hash, by which equal searches are found, or as typed."""
    syslog_host: str = ""
    """Where audit messages go (DICOM PS3.15 A.5 over RFC 5425); empty: nowhere."""
    syslog_port: int = 6514
    syslog_ca: str = ""
    """PEM file of who signed the syslog server's certificate; empty: those that the machine trusts."""
    syslog_certificate: str = ""
    """PEM files with our own certificate and its key, when the server asks for one; empty: none."""
    syslog_key: str = ""


class Backup(Section, frozen=True):
    """Backups by themselves."""

    folder: str = ""
    """Where they go; empty: none are made."""
    every_hours: float = 24.0
    keep: int = 7
    """So many of the newest stay; older ones are deleted after a new one has been made."""


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
    portal: Portal = Portal()
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

    def __post_init__(self) -> None:
        """:raises ValueError: two directories or providers have one name"""
        names = [one.name for one in self.directories] + [one.name for one in self.openid]
        if len(set(names)) < len(names):
            raise ValueError("directories, openid: each needs a name of its own")

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
