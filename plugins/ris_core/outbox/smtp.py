"""Hand one mail to the hospital's mail server (RFC 5321), encrypted and its certificate verified; only a relay on this
machine may be spoken to in the clear."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ris_core.errors import InvalidValue
from ris_core.outbox.errors import NotAcknowledged, ReceiverUnreachable
from ris_core.settings import Settings
from ris_core.webhooks.sending import NoAnswer

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT_CHARACTERS: Final = 500


def hand_over(recipient: str, message: bytes, settings: Settings) -> bytes:
    """Send ``message`` to one recipient; what the server answered, as kept for people.

    :raises InvalidValue: no mail server is set, or one elsewhere without encryption
    :raises ReceiverUnreachable: no connection, no STARTTLS, or a certificate that is not trusted: nothing was said
    :raises NotAcknowledged: the server refused login, sender, recipient or message
    :raises NoAnswer: the connection was lost when the server may have had the mail
    """
    with _session(settings) as server:
        try:
            refused = server.sendmail(settings.mail.sender, [recipient], message)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[recipient]
            raise _refused(code, text) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NoAnswer("the mail server closed the connection before it had taken the mail") from error
        assert not refused  # noqa: S101 - of one recipient either all or none is refused, which raises
        return b"250 taken"


def reach(settings: Settings) -> None:
    """Whether the server lets us in; no mail is sent.

    :raises InvalidValue, ReceiverUnreachable, NotAcknowledged: as :func:`hand_over`
    """
    with _session(settings) as server:
        try:
            server.noop()
        except (smtplib.SMTPException, OSError) as error:
            raise ReceiverUnreachable("the mail server closed the connection") from error


@contextmanager
def _session(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A connection that is encrypted and logged in; closed whatever happens."""
    mail = settings.mail
    if not mail.host:
        raise InvalidValue("no mail server is set: write mail.host into the settings", field="mail.host")
    if mail.security == "none" and mail.host not in _THIS_MACHINE:
        raise InvalidValue("only a relay on this machine is spoken to without encryption", field="mail.security")
    timeout = settings.delivery.timeout_seconds
    try:
        context = ssl.create_default_context(cafile=mail.ca_file or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if mail.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=timeout)
    except ssl.SSLError as error:
        raise ReceiverUnreachable("the mail server's certificate is not trusted, or it speaks no TLS") from error
    except (smtplib.SMTPException, OSError) as error:
        raise ReceiverUnreachable("no connection to the mail server") from error
    try:
        _let_in(server, context, settings)
        yield server
    finally:
        server.close()


def _let_in(server: smtplib.SMTP, context: ssl.SSLContext, settings: Settings) -> None:
    mail = settings.mail
    try:
        if mail.security == "starttls":
            server.starttls(context=context)
        if mail.username:
            _log_in(server, mail.username, settings.secret("smtp_password"))
    except ssl.SSLError as error:
        raise ReceiverUnreachable("the mail server's certificate is not trusted") from error
    except smtplib.SMTPNotSupportedError as error:
        raise ReceiverUnreachable("the mail server offers no STARTTLS or no login: nothing is sent so") from error
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise ReceiverUnreachable("the mail server closed the connection") from error


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    try:
        server.login(username, password)
    except smtplib.SMTPServerDisconnected as error:
        raise NotAcknowledged(
            "the receiver answered nothing: it closed the connection at the login; check name and password"
        ) from error


def _refused(code: int, text: bytes | str) -> NotAcknowledged:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    kept = f"{code} {said}"[:_KEPT_CHARACTERS]
    return NotAcknowledged(f"the receiver answered {code}: {said[:_KEPT_CHARACTERS]}", answer=kept.encode())
