"""The steps of setup, and what each of them depends on."""

from __future__ import annotations

import sys

from ris_suite import layout
from ris_suite.engine import RSYSLOGD, SLAPD, installed_engine, uses_host_engine
from ris_suite.setup import engine_root, frontend, host_packages, viewer, virtualenv
from ris_suite.setup.runner import Step

_LOCK = layout.REPOSITORY / "uv.lock"
_PROJECT = layout.REPOSITORY / "pyproject.toml"
_PYTHON = f"python {sys.version_info.major}.{sys.version_info.minor} {sys.base_prefix}"


def setup_steps(*, tests: bool = False, postgresql: bool = False) -> list[Step]:
    """What is needed to run a suite; with ``tests`` also what tests and benchmarks run against."""
    packages = host_packages.wanted(tests=tests)
    steps = [
        Step(
            name="host-packages",
            title="packages of this machine",
            action=lambda log: host_packages.install(packages, log),
            is_done=lambda: not host_packages.missing(packages) and host_packages.service_account_ready(),
        ),
        Step(
            name="uv",
            title="uv",
            action=virtualenv.install_uv,
            needs=() if host_packages.can_make_virtualenvs() else ("host-packages",),
            inputs=(virtualenv.UV_REQUIREMENTS, _PYTHON),
            products=(layout.UV,),
        ),
        Step(
            name="virtualenv",
            title="virtual environment",
            action=virtualenv.make_virtualenv,
            needs=("uv",),
            inputs=(_LOCK, _PROJECT, _PYTHON, "with bytecode"),
            products=(layout.PYTHON,),
        ),
        Step(
            name="bytecode",
            title="bytecode",
            action=virtualenv.compile_sources,
            needs=("virtualenv",),
            inputs=(*virtualenv.SOURCES, _PYTHON),
        ),
        _engine_step(),
        Step(
            name="engine-packages",
            title="Python packages inside Orthanc",
            action=virtualenv.install_engine_packages,
            needs=("uv", "engine-root"),
            remade_with=("engine-root",),
            inputs=(_LOCK, _PROJECT),
            products=(layout.ENGINE_SITE_PACKAGES,),
        ),
        Step(
            name="viewer",
            title="OHIF viewer",
            action=viewer.install,
            inputs=viewer.INPUTS,
            products=(layout.VIEWER,),
        ),
        Step(
            name="frontend",
            title="scripts and styles of the web app",
            action=frontend.build,
            needs=() if frontend.host_has_node() else ("virtualenv",),
            inputs=(layout.FRONTEND,),
            products=(layout.FRONTEND / "dist",),
        ),
    ]
    if postgresql or tests:
        steps.append(
            Step(
                name="postgresql",
                title="PostgreSQL in the engine's root",
                action=engine_root.add_postgresql,
                needs=("engine-root",),
                remade_with=("engine-root",),
                is_done=lambda: installed_engine().postgresql_programs() is not None,
            )
        )
    if tests:
        steps.append(
            Step(
                name="directory-server",
                title="OpenLDAP's server in the engine's root",
                action=engine_root.add_directory_server,
                needs=("engine-root", "postgresql"),
                remade_with=("engine-root",),
                is_done=lambda: installed_engine().has(SLAPD),
            )
        )
        steps.append(
            Step(
                name="syslog-server",
                title="rsyslog in the engine's root",
                action=engine_root.add_syslog_server,
                needs=("engine-root", "directory-server"),
                remade_with=("engine-root",),
                is_done=lambda: installed_engine().has(RSYSLOGD),
            )
        )
        steps.append(
            Step(
                name="openid-provider",
                title="OpenID provider for tests",
                action=frontend.install_openid_provider,
                needs=() if frontend.host_has_node() else ("virtualenv",),
                inputs=(layout.OPENID_PROVIDER / "package-lock.json",),
                products=(layout.OPENID_PROVIDER / "node_modules",),
            )
        )
    return steps


def _engine_step() -> Step:
    if uses_host_engine():
        return Step(
            name="engine-root",
            title="shim for this machine's own Orthanc",
            action=engine_root.build_shim_for_host,
            needs=("host-packages",),
            inputs=(layout.ENGINE_SHIM_SOURCE,),
            products=(layout.ENGINE_SHIM,),
        )
    return Step(
        name="engine-root",
        title=f"Orthanc in a Debian {engine_root.SUITE} root",
        action=engine_root.make_root,
        needs=("host-packages",),
        inputs=(layout.ENGINE_SHIM_SOURCE, engine_root.SUITE, *engine_root.RUNTIME_PACKAGES),
        products=(layout.ENGINE_ROOT,),
    )
