"""Section ``[signing]`` of the settings."""

from __future__ import annotations

from typing import Literal

from ris_core.settings_section import Section


class Signing(Section, frozen=True):
    """Digital signatures of reports. What an administrator chooses on the screen (level, time stamps, trusted
    certificates) is in the database."""

    unlocked_minutes: int = 240
    """How long a key that its owner has unlocked may be used before PIN or passphrase are asked for again."""
    timeout_seconds: float = 15.0
    """Longest wait for one answer of a time-stamping, revocation or remote signing service."""
    pkcs11_module: str = ""
    """Library of the tokens' maker (``/usr/lib/softhsm/libsofthsm2.so``); empty: keys on tokens are not used."""
    csc_url: str = ""
    """Base address of a remote signing service (CSC API); empty: none. Its client secret is the file
    ``csc_client_secret``."""
    csc_version: Literal[1, 2] = 1
    csc_client_id: str = ""
    inner_hosts: str = ""
    """Hosts, separated by blanks, at which a time-stamping authority may be though they are this machine."""
    checks_per_minute: int = 10
    """Files that one address may hand in to be checked, in each process of the web app."""
