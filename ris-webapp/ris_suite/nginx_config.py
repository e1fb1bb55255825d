"""Renders ``nginx.conf.template`` for one front door, natively or in a container."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ris_suite import layout
from ris_suite.front_door_pages import OWN_PAGES, OWN_PAGES_CONTENT_SECURITY_POLICY

_TEMPLATE = Path(__file__).with_name("nginx.conf.template")
_NAME = re.compile(r"@([A-Z_]+)@")

VIEWER_CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        # cornerstone compiles WebAssembly, and vtk.js and the tone-mapping of OHIF build functions at run time
        "script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "frame-src 'self' blob:",
        "object-src 'self' blob:",
        "frame-ancestors 'self'",
        "base-uri 'self'",
        "form-action 'none'",
    ]
)

_VIEWER_HEADERS = f"""\
add_header Content-Security-Policy "{VIEWER_CONTENT_SECURITY_POLICY}" always;
add_header X-Content-Type-Options nosniff always;
add_header X-Frame-Options SAMEORIGIN always;
add_header Referrer-Policy same-origin always;
add_header Cross-Origin-Opener-Policy same-origin always;
add_header Permissions-Policy "camera=(), geolocation=(), microphone=()" always;
"""

_OWN_PAGES_HEADERS = f"""\
add_header Content-Security-Policy "{OWN_PAGES_CONTENT_SECURITY_POLICY}" always;
add_header X-Content-Type-Options nosniff always;
add_header X-Frame-Options SAMEORIGIN always;
add_header Referrer-Policy same-origin always;
add_header Cross-Origin-Opener-Policy same-origin always;
add_header Permissions-Policy "camera=(), geolocation=(), microphone=()" always;
add_header Cache-Control no-store always;
"""

_ORTHANC_HEADERS = """\
proxy_set_header Connection $afterwards;
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header Forwarded "host=$http_host;proto=$outer_scheme";
proxy_set_header Accept $accept;
# services talk to Orthanc directly; a viewer comes with a cookie
proxy_set_header Authorization "";
proxy_request_buffering off;
proxy_buffering on;
proxy_max_temp_file_size 0;
# said once, whoever answers
proxy_hide_header X-Content-Type-Options;
proxy_hide_header Referrer-Policy;
proxy_hide_header Strict-Transport-Security;
add_header X-Content-Type-Options nosniff always;
add_header Referrer-Policy same-origin always;
"""


_STRICT_TRANSPORT = "add_header Strict-Transport-Security max-age=31536000 always;\n"
"""What nginx answers itself; the web app says it in its own answers."""

_TLS = """\
listen {listen} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
        ssl_prefer_server_ciphers off;
        ssl_session_cache shared:tls:10m;
        ssl_session_tickets off;
        # who speaks plain HTTP here is told where to go, and nothing else
        error_page 497 =308 https://$http_host$request_uri;"""


@dataclass(frozen=True)
class Tls:
    """Files in PEM, as nginx sees them: the certificate with those that signed it behind it, and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class FrontDoor:
    """Addresses are ``host:port``; folders are as nginx sees them."""

    listen: str
    web: str
    events: str
    orthanc: str
    viewer_parent: Path
    """The folder in which ``viewer/<version>/`` lies."""
    viewer_version: str
    run: Path
    """A folder of nginx's own, for its pid file and request bodies."""
    access_log: Path
    tls: Tls | None = None
    """None: plain HTTP."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks of TLS proxies before this one."""
    name_server: str = ""
    """Where names of parts are looked up, again and again (containers: addresses change); empty for fixed addresses."""


def write(path: Path, front_door: FrontDoor) -> None:
    """Writes the configuration and the pieces that it includes beside it."""
    path.write_text(render(front_door))
    strict = _STRICT_TRANSPORT if front_door.tls else ""
    (front_door.run / "viewer-headers.conf").write_text(_VIEWER_HEADERS + strict)
    (front_door.run / "orthanc-headers.conf").write_text(_ORTHANC_HEADERS + strict)
    (front_door.run / "own-pages-headers.conf").write_text(_OWN_PAGES_HEADERS + strict)
    for name, content in OWN_PAGES.items():
        (front_door.run / name).write_text(content)
    (front_door.run / "trusted-proxies.conf").write_text(_trusting(front_door.trusted_proxies))


def _trusting(proxies: tuple[str, ...]) -> str:
    """The client's address and scheme are what these proxies say; the last address that is none of theirs counts."""
    lines = ["geo $realip_remote_addr $from_proxy {", "default 0;", *(f"{proxy} 1;" for proxy in proxies), "}"]
    if proxies:
        lines += ["real_ip_header X-Forwarded-For;", "real_ip_recursive on;"]
        lines += [f"set_real_ip_from {proxy};" for proxy in proxies]
    return "\n".join(lines) + "\n"


def render(front_door: FrontDoor) -> str:
    resolve = " resolve" if front_door.name_server else ""
    values = {
        "LISTENING": _listening(front_door),
        "RESOLVER": f"resolver {front_door.name_server} valid=2s ipv6=off;" if front_door.name_server else "",
        "WEB": front_door.web + resolve,
        "EVENTS": front_door.events + resolve,
        "ORTHANC": front_door.orthanc + resolve,
        "VIEWER_PARENT": str(front_door.viewer_parent),
        "VIEWER_VERSION": front_door.viewer_version,
        "RUN": str(front_door.run),
        "ACCESS_LOG": str(front_door.access_log),
    }
    return _NAME.sub(lambda match: values[match.group(1)], _TEMPLATE.read_text())


def _listening(front_door: FrontDoor) -> str:
    if front_door.tls is None:
        return f"listen {front_door.listen};"
    return _TLS.format(listen=front_door.listen, certificate=front_door.tls.certificate, key=front_door.tls.key)


def installed_viewer_version(parent: Path = layout.ENGINE) -> str:
    """The viewer's build, which is part of its address; ``none`` when no viewer is installed."""
    version = parent / "viewer" / "VERSION"
    return version.read_text().strip() if version.exists() else "none"
