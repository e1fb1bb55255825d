"""By what letters go out: sections ``[mail]`` and ``[sms]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section


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
