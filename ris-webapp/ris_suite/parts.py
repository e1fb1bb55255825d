"""The parts of a suite: what each process is, how it is started, and how one sees that it works."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ris_suite import engine, health, layout, nginx_config, orthanc_config, postgresql, sandbox
from ris_suite.dicom_settings import DicomSettings
from ris_suite.health import Probe
from ris_suite.sandbox import Bind, ServiceAccount
from ris_suite.settings import SuiteSettings, process_environment

WEB_THREADS_PER_PROCESS = 4


@dataclass(frozen=True)
class Part:
    """One process under the supervisor's care."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    probe: Probe
    needs: tuple[str, ...] = ()
    stop_timeout_seconds: float = 20
    start_timeout_seconds: float = 120
    ports: Mapping[str, int] = field(default_factory=dict)
    url: str | None = None
    silent_files: tuple[Path, ...] = ()
    """Traces of an earlier life (pid and heartbeat files) that must not be mistaken for this one's."""


@dataclass(frozen=True)
class Task:
    """A command that has to succeed before the parts that depend on it start."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Composition:
    """The processes of one suite with given settings and ports."""

    def __init__(self, settings: SuiteSettings, ports: Mapping[str, int], account: ServiceAccount | None) -> None:
        self._settings = settings
        self._ports = ports
        self._account = account
        self._home = settings.home
        self._engine = engine.installed_engine()
        self._environment = process_environment(settings, ports)

    def parts(self) -> list[Part]:
        """In the order in which they start."""
        parts = [self._orthanc(), self._web(), self._events(), self._worker(), self._mpps(), self._nginx()]
        if self._settings.parts is not None:
            parts = [part for part in parts if part.name in self._settings.parts]
        return [self._postgres(), *parts] if self._settings.database == "postgresql" else parts

    def tasks(self) -> list[Task]:
        """What runs once, after the database is up and before everything else."""
        tasks = [self._manage_task("migrate", "migrate", "--noinput")]
        if self._settings.https and self._settings.https_certificate is None:
            tasks.append(self._manage_task("certificate", "certificates", "front-door"))
        if self._settings.demo:
            tasks.append(self._manage_task("seed", "seed_demo"))
        return tasks

    def manage_command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        """The command and environment of ``manage.py`` with these arguments, as the suite's own user."""
        return self._host(
            [str(layout.PYTHON), str(layout.RIS_WEBAPP / "manage.py"), *arguments]
        ), self._python_environment()

    def prepare(self) -> None:
        """Writes the configuration files that the parts are started with."""
        dicom = DicomSettings.read(self._settings.settings_path, self._environment)
        configuration = orthanc_config.render(
            orthanc_config.OrthancSettings(
                storage=self._home.orthanc,
                http_port=self._ports["orthanc"],
                # with automation the gate of the plugins listens at the port of devices, and the engine behind it
                dicom_port=self._ports["engine-dicom" if self._settings.automation else "dicom"],
                plugins=self._engine.plugins(),
                python_script=layout.PLUGINS / "orthanc_main.py",
                temporary=self._home.run / "orthanc" / "temporary",
                automation=self._settings.automation,
                stable_age_seconds=self._settings.stable_age_seconds,
                ae_title=dicom.ae_title,
                registered_only=dicom.registered_only,
            )
        )
        (self._home.run / "orthanc" / "temporary").mkdir(parents=True, exist_ok=True)
        self._home.orthanc_configuration.write_text(json.dumps(configuration, indent=2) + "\n")
        self._home.nginx.mkdir(parents=True, exist_ok=True)
        nginx_config.write(
            self._home.nginx / "nginx.conf",
            nginx_config.FrontDoor(
                listen=f"{self._settings.http_host}:{self._ports['nginx']}",
                web=f"127.0.0.1:{self._ports['web']}",
                events=f"127.0.0.1:{self._ports['events']}",
                orthanc=f"127.0.0.1:{self._ports['orthanc']}",
                viewer_parent=layout.ENGINE,
                viewer_version=nginx_config.installed_viewer_version(),
                run=self._home.nginx,
                access_log=self._home.log_file("access"),
                tls=nginx_config.Tls(self._settings.front_door_certificate, self._settings.front_door_key)
                if self._settings.https
                else None,
                trusted_proxies=self._settings.trusted_proxies,
            ),
        )

    def _orthanc(self) -> Part:
        environment = {
            **self._environment,
            "PYTHONPATH": os.pathsep.join([str(layout.PLUGINS), str(layout.ENGINE_SITE_PACKAGES)]),
        }
        # set inside, or the tools that lead into the engine's root would be given the engine's library too
        inside = ["/usr/bin/env", f"LD_PRELOAD={self._engine.shim}", "TCP_NODELAY=1"]
        engine_host = "127.0.0.1" if self._settings.automation else self._settings.dicom_host
        inside.append(f"QUANG_DICOM_HOST={engine_host}")
        return Part(
            name="orthanc",
            command=self._in_engine([*inside, engine.ORTHANC, str(self._home.orthanc_configuration)]),
            environment=environment,
            probe=self._engine_probe(),
            stop_timeout_seconds=40,
            ports={"http": self._ports["orthanc"], "dicom": self._ports["dicom"], "mllp": self._ports["mllp"]},
            url=f"http://127.0.0.1:{self._ports['orthanc']}",
        )

    def _engine_probe(self) -> Probe:
        """Its HTTP and, where devices are let in without TLS, its DICOM port (of the gate)."""
        answers = health.http_probe(
            self._ports["orthanc"], "/system", bearer_token_file=self._home.secrets / "service_token_monitor"
        )
        dicom = DicomSettings.read(self._settings.settings_path, self._environment)
        if not (self._settings.automation and dicom.plain):
            return answers
        host = health.reached_at(self._settings.dicom_host)
        return health.first_fault(answers, health.gate_probe(self._ports["dicom"], host=host))

    def _web(self) -> Part:
        port = self._ports["web"]
        command = [
            str(layout.PYTHON),
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        command += ["--workers", str(self._settings.web_processes), "--blocking-threads", str(WEB_THREADS_PER_PROCESS)]
        command += ["--respawn-failed-workers", "ris_webapp.wsgi:application"]
        return Part(
            name="web",
            command=tuple(self._host(command)),
            environment=self._python_environment(),
            probe=health.http_probe(port, "/healthz"),
            ports={"http": port},
            url=f"http://127.0.0.1:{port}",
        )

    def _events(self) -> Part:
        port = self._ports["events"]
        command = [str(layout.PYTHON), "-m", "uvicorn", "ris_webapp.events:application", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", "3"]
        return Part(
            name="events",
            command=tuple(self._host(command)),
            environment=self._python_environment(),
            probe=health.http_probe(port, "/events/healthz"),
            ports={"http": port},
            url=f"http://127.0.0.1:{port}/events",
        )

    def _worker(self) -> Part:
        heartbeat = self._home.run / "worker.heartbeat"
        command, environment = self.manage_command("run_worker")
        return Part(
            name="worker",
            command=tuple(command),
            environment=environment,
            probe=health.heartbeat_probe(heartbeat),
            silent_files=(heartbeat,),
            stop_timeout_seconds=30,
        )

    def _mpps(self) -> Part:
        port = self._ports["mpps"]
        command, environment = self.manage_command("run_mpps")
        dicom = DicomSettings.read(self._settings.settings_path, self._environment)
        return Part(
            name="mpps",
            command=tuple(command),
            environment=environment,
            probe=health.dicom_probe(port, dicom.ae_title, host=health.reached_at(self._settings.mpps_host)),
            ports={"dicom": port},
        )

    def _nginx(self) -> Part:
        port = self._ports["nginx"]
        folder = self._home.nginx
        command = [engine.NGINX, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        return Part(
            name="nginx",
            command=self._in_engine(command),
            environment=self._environment,
            probe=health.http_probe(
                port, "/healthz", host=health.reached_at(self._settings.http_host), tls=self._settings.https
            ),
            needs=("orthanc", "web", "events"),
            ports={"http": port},
            url=self._environment["QUANG_PUBLIC_URL"],
        )

    def _postgres(self) -> Part:
        return Part(
            name="postgres",
            command=self._in_engine(postgresql.server_command(self._home)),
            environment=self._environment,
            probe=health.postgres_probe(self._home.postgres),
            silent_files=(),
            stop_timeout_seconds=30,
        )

    def _in_engine(self, command: list[str]) -> tuple[str, ...]:
        binds = [Bind(layout.REPOSITORY), Bind(self._home.path, writable=True)]
        if self._settings.settings_file is not None:
            binds.append(Bind(self._settings.settings_file))
        given = (self._settings.https_certificate, self._settings.https_key)
        binds += [Bind(file) for file in given if file is not None]
        if self._settings.database == "postgresql":
            binds.append(Bind(postgresql.socket_folder(self._home), writable=True))
        return tuple(sandbox.engine_command(command, binds, self._account))

    def _host(self, command: list[str]) -> list[str]:
        needed = [layout.REPOSITORY, self._home.path, layout.host_python_prefix()]
        if self._settings.settings_file is not None:
            needed.append(self._settings.settings_file.parent)
        return sandbox.host_command(command, needed, self._account)

    def _python_environment(self) -> dict[str, str]:
        return {**self._environment, "PYTHONPATH": os.pathsep.join([str(layout.PLUGINS), str(layout.RIS_WEBAPP)])}

    def _manage_task(self, name: str, *arguments: str) -> Task:
        command, environment = self.manage_command(*arguments)
        return Task(name, tuple(command), environment)
