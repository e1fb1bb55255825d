"""The chain on its way to a syslog server (RFC 5425): every sealed event, in order, at least once (ADR 33).

The chain itself is the outbox: what was sent is one number. It moves on when the server has closed the connection after
it has read everything: syslog has no acknowledgement of its own, but a system resets a connection that is closed with
something unread. A batch whose connection broke is sent again whole; receivers tell repeats by ``sequence``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from django.conf import settings as django_settings
from django.utils import timezone

from ris_core.audit.message import audit_message, own_source, syslog_frame
from ris_core.audit.models import AuditEvent, AuditForwarding
from ris_core.audit.sealing import facts_of
from ris_core.errors import QuangError
from ris_core.outbox.errors import ReceiverUnreachable
from ris_core.patients.models import PatientIdentifier
from ris_core.settings import Settings
from ris_core.studies.models import Study

EVENTS_AT_ONCE: Final = 500
BATCHES_A_RUN: Final = 40
_TIMEOUT_SECONDS: Final = 20.0
_TCP_CLOSE: Final = 7
"""The state in the first byte of ``tcp_info`` (linux/tcp.h): both ends have closed, in good order or by a reset."""


def forward_events() -> int:
    """Send what the syslog server has not got; returns how many events that were.

    :raises ReceiverUnreachable: no connection, a certificate that is not trusted, or the connection broke: it is told
        on the dashboard, and sent again later
    """
    settings: Settings = django_settings.QUANG
    if not settings.audit.syslog_host:
        return 0
    target = f"{settings.audit.syslog_host}:{settings.audit.syslog_port}"
    state, _made = AuditForwarding.objects.get_or_create(target=target)
    sent = 0
    for _ in range(BATCHES_A_RUN):
        events = list(AuditEvent.objects.filter(sequence__gt=state.sequence).order_by("sequence")[:EVENTS_AT_ONCE])
        if not events:
            break
        try:
            with _connection(settings) as server:
                server.sendall(b"".join(_frames(events, settings)))
        except (OSError, ssl.SSLError, QuangError) as error:
            text = f"{type(error).__name__}: {error}"[:255]
            AuditForwarding.objects.filter(pk=state.pk).update(
                last_error=text, failing_since=state.failing_since or timezone.now()
            )
            raise ReceiverUnreachable(f"audit messages do not reach {target}: {text}") from error
        state.sequence = events[-1].sequence or state.sequence
        state.last_error, state.failing_since, state.sent_at = "", None, timezone.now()
        state.save()
        sent += len(events)
    return sent


def run_forward_audit(_subject_id: str) -> None:
    """The periodic job ``forward_audit``."""
    forward_events()


def _frames(events: Sequence[AuditEvent], settings: Settings) -> Iterator[bytes]:
    source, process = own_source(settings.site.name), str(os.getpid())
    identifiers = PatientIdentifier.objects.filter(
        is_primary=True, patient_id__in={event.patient_id for event in events}
    )
    numbers = dict(identifiers.values_list("patient_id", "value"))
    keys = {event.subject.removeprefix("study:") for event in events if event.subject.startswith("study:")}
    studies = Study.objects.filter(pk__in=[int(key) for key in keys if key.isascii() and key.isdigit()])
    uids = {f"study:{key}": uid for key, uid in studies.values_list("pk", "study_instance_uid")}
    for event in events:
        number = numbers.get(event.patient_id, f"patient:{event.patient_id}") if event.patient_id else ""
        message = audit_message(facts_of(event), source, number, uids.get(event.subject, ""))
        yield syslog_frame(message, event.at, event.success, source, process)


@contextmanager
def _connection(settings: Settings) -> Iterator[ssl.SSLSocket]:
    """A connection whose other end is who its certificate says (TLS 1.2 or later, BCP 195); left in good order only."""
    wanted = settings.audit
    context = ssl.create_default_context(cafile=wanted.syslog_ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if wanted.syslog_certificate:
        context.load_cert_chain(wanted.syslog_certificate, wanted.syslog_key or None)
    address = (wanted.syslog_host, wanted.syslog_port)
    with (
        socket.create_connection(address, timeout=_TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=wanted.syslog_host) as server,
    ):
        yield server
        _said_goodbye(server)


def _said_goodbye(server: ssl.SSLSocket) -> None:
    """Close our direction, wait for the other end to close its own, and see that it has left nothing unread.

    :raises OSError: it broke off, so nobody knows what it has read
    """
    with contextlib.suppress(ssl.SSLEOFError):  # without a word: many servers, if they have read all or refuse us
        server.unwrap()
    server.shutdown(socket.SHUT_WR)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _TCP_CLOSE:
        if time.monotonic() > deadline:
            raise TimeoutError("not closed by the other end")
        time.sleep(0.005)
    if failure := server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(failure, "closed before everything was read")
