"""Renders ``nginx.conf.template`` for one front door, natively or in a container."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ris_suite import layout

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
add_header Referrer-Policy same-origin always;
"""

_ORTHANC_HEADERS = """\
proxy_set_header Connection "";
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header Forwarded "host=$http_host;proto=$scheme";
proxy_set_header Accept $accept;
# services talk to Orthanc directly; a viewer comes with a cookie
proxy_set_header Authorization "";
proxy_request_buffering off;
proxy_buffering on;
proxy_max_temp_file_size 0;
add_header X-Content-Type-Options nosniff always;
add_header Referrer-Policy same-origin always;
"""


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
    name_server: str = ""
    """Where names of parts are looked up, again and again (containers: addresses change); empty for fixed addresses."""


def write(path: Path, front_door: FrontDoor) -> None:
    """Writes the configuration and the pieces that it includes beside it."""
    path.write_text(render(front_door))
    (front_door.run / "viewer-headers.conf").write_text(_VIEWER_HEADERS)
    (front_door.run / "orthanc-headers.conf").write_text(_ORTHANC_HEADERS)


def render(front_door: FrontDoor) -> str:
    resolve = " resolve" if front_door.name_server else ""
    values = {
        "LISTEN": front_door.listen,
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


def installed_viewer_version(parent: Path = layout.ENGINE) -> str:
    """The viewer's build, which is part of its address; ``none`` when no viewer is installed."""
    version = parent / "viewer" / "VERSION"
    return version.read_text().strip() if version.exists() else "none"
