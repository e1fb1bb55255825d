"""How people get in and how long they stay: section ``[access]`` of the settings."""

from __future__ import annotations

import re

from ris_core.second_factors.rules import roles_in
from ris_core.settings_section import Section


class Access(Section, frozen=True):
    """Viewer tokens and sessions."""

    viewer_token_minutes: int = 480
    """How long a viewer opened from the RIS may load images."""
    result_link_hours: int = 168
    """How long the signed viewer link in a result sent to the HIS may be opened."""
    launch_skew_seconds: int = 300
    session_idle_minutes: int = 60
    session_hours: int = 12
    """A session ends then, however much it is used."""
    password_days: int = 90
    """A password is renewed after so many days unless the account says otherwise; 0: never."""
    emergency_minutes: int = 60
    """How long a patient who was opened in an emergency stays open to whoever opened them."""
    second_administrator: bool = False
    """Who manages accounts gives themselves no function that shows or decides findings; another administrator does."""
    second_factor_roles: str = ""
    """Roles that must have a second factor, separated by commas: ``ADMINISTRATOR, SENIOR``; empty: whoever wants."""
    admin_second_factor: bool = False
    """Whether screens of administration open only after a login with a second factor."""
    admin_networks: str = ""
    """Addresses and networks from which they open, separated by commas; empty: not limited by them. With both, one is
    enough."""
    webauthn_host: str = ""
    """Host that security keys are for (relying party ID); empty: that of ``public_url``. Another one later makes every
    key worthless."""
    failed_logins_per_address: int = 50
    """So many failed logins from one address within 15 minutes close the login page to it; 0: no limit."""
    captcha_after: int = 3
    """So many wrong passwords of one name, from wherever, within 15 minutes and each further login asks for a captcha;
    half of ``failed_logins_per_address`` from one address do too. 0: never."""
    proof_minutes: int = 10
    """Who changes how somebody logs in (security keys, authenticator apps, accounts, keys of programs) has given their
    password or second factor within so many minutes, or gives it again."""
    further_hosts: str = ""
    """Host names, separated by blanks, by which the web app is asked besides that of ``public_url`` and loopback."""
    basic_for_tools: bool = False
    """Whether people's programs may log in to Orthanc's HTTP by name and password (Basic)."""

    def __post_init__(self) -> None:
        """:raises ValueError: ``second_factor_roles`` lists what cannot be a role's code"""
        for role in sorted(roles_in(self.second_factor_roles)):
            if not re.fullmatch(r"[A-Z0-9_]{2,16}", role):
                raise ValueError(f"access.second_factor_roles lists codes of roles, such as SENIOR; not {role}")
