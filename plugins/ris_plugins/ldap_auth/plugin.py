"""Who may speak HTTP with Orthanc: its request filter."""

from __future__ import annotations

from orthanc_host.host import Host, HttpRequest
from ris_core.settings import Settings
from ris_plugins.ldap_auth.service import RequestFilter


def register(host: Host, settings: Settings) -> None:
    """Close Orthanc's HTTP server to everyone but the suite's services, viewers and, where allowed, people's programs.

    :raises SettingsInvalid: a token or key is missing: Orthanc does not start rather than start open
    """
    request_filter = RequestFilter.from_settings(settings, lambda: host.guarded("tool login"))

    def allows(request: HttpRequest) -> bool:
        return request_filter.allows(request.method, request.path, request.headers, request.query, request.address)

    host.filter_requests(allows)
    host.in_background(
        "ended grants",
        lambda stopping: request_filter.keep_informed(lambda: host.guarded("ended grants"), stopping, settings),
    )
    host.in_background(
        "reads", lambda stopping: request_filter.reads.keep_writing(lambda: host.guarded("reads"), stopping)
    )
