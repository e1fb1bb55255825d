"""TLS with DICOM nodes: the BCP 195 profiles (PS3.15 B.12 and B.13), and certificates on both sides.

TLS 1.2 with forward secrecy and authenticated encryption only, or TLS 1.3. A node without a certificate of the
configured authority gets no further than the handshake.
"""

from __future__ import annotations

import ssl
from typing import Final

from ris_core.errors import SettingsInvalid
from ris_core.hl7.mllp_tls import server_context
from ris_core.settings import Settings

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
)
"""Of TLS 1.2; those of TLS 1.3 are all fit (RFC 9325 §4.2)."""


def node_context(settings: Settings) -> ssl.SSLContext:
    """What a listening side needs to accept nodes by TLS.

    :raises SettingsInvalid: naming the file that cannot be used
    """
    try:
        context = server_context(settings.dicom_certificate, settings.dicom_key, settings.dicom_client_ca)
    except SettingsInvalid as error:
        raise SettingsInvalid(
            f"{error.detail}; `manage.py certificates dicom` makes the files", field="dicom.tls_certificate"
        ) from error
    context.set_ciphers(CIPHERS)
    return context
