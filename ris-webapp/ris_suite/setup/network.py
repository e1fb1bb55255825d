"""What the host's network asks of every download: its certificate authority, its proxy, its package mirrors.

Hospital networks inspect TLS. Nothing of this is written into what setup makes; it is passed on at the time.
"""

from __future__ import annotations

import configparser
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path

from ris_suite.setup.runner import StepFailed

_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PUBLIC_PYPI = "https://pypi.org/simple"
_PUBLIC_NPM = "https://registry.npmjs.org"
_READ_BYTES = 1 << 20

HINT = (
    "Is the package registry reachable? Behind a proxy set HTTPS_PROXY and NO_PROXY; where TLS is inspected point "
    "SSL_CERT_FILE at the network's CA bundle; for mirrors set PIP_INDEX_URL and npm_config_registry."
)


def ca_bundle() -> Path | None:
    """The CA bundle that the host uses: what the environment names first, else Debian's."""
    for variable in _CA_VARIABLES:
        value = os.environ.get(variable)
        if value and Path(value).is_file():
            return Path(value)
    return _SYSTEM_BUNDLE if _SYSTEM_BUNDLE.is_file() else None


def download_environment() -> dict[str, str]:
    """The caller's environment, with the CA bundle under every name that pip, uv, npm and node look for."""
    environment = dict(os.environ)
    bundle = ca_bundle()
    if bundle is None:
        environment.setdefault("UV_NATIVE_TLS", "true")
    else:
        for variable in (*_CA_VARIABLES, "npm_config_cafile"):
            environment.setdefault(variable, str(bundle))
    environment.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    environment.setdefault("UV_NO_PROGRESS", "1")
    return environment


def python_mirror() -> str | None:
    """The index that replaces PyPI on this host (``PIP_INDEX_URL``, ``UV_DEFAULT_INDEX`` or pip's configuration)."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(variable):
            return _unless_public(os.environ[variable])
    for path in (Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf", Path("/etc/pip.conf")):
        parser = configparser.ConfigParser()
        try:
            parser.read(path)
            index = parser.get("global", "index-url", fallback="")
        except configparser.Error:
            continue
        if index:
            return _unless_public(index)
    return None


def _unless_public(index: str) -> str | None:
    return None if index.rstrip("/") == _PUBLIC_PYPI else index


def npm_registry() -> str:
    """The npm registry of this host, without a slash at the end."""
    for variable in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(variable):
            return os.environ[variable].rstrip("/")
    for path in (Path.home() / ".npmrc", Path("/etc/npmrc")):
        if path.is_file():
            for line in path.read_text().splitlines():
                key, _, value = line.partition("=")
                if key.strip() == "registry":
                    return value.strip().rstrip("/")
    return _PUBLIC_NPM


def download(url: str, target: Path, timeout_seconds: float = 60) -> None:
    """Fetches a file, through the host's proxy and trusting the host's authorities.

    Raises:
        StepFailed: it could not be fetched.
    """
    bundle = ca_bundle()
    context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
    partial = target.with_name(target.name + ".partial")
    try:
        with (
            urllib.request.urlopen(url, timeout=timeout_seconds, context=context) as answer,  # noqa: S310 (https only)
            partial.open("wb") as file,
        ):
            while block := answer.read(_READ_BYTES):
                file.write(block)
    except (urllib.error.URLError, OSError) as problem:
        raise StepFailed(f"could not download {url}: {problem}. {HINT}") from problem
    partial.replace(target)
