"""What a session keeps of the OpenID provider that vouched for its user."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest
from django.urls import reverse

from ris_core.errors import NotFound
from ris_core.openid.errors import LoginNotProved, ProviderUnavailable
from ris_core.openid.services import address_to_log_out, note_login
from ris_webapp.screens.login.waiting import ByProvider
from ris_webapp.sessions import GRANT, end_grants_of

_KEY: Final = "openid"


def own_address(view: str, *arguments: str) -> str:
    """One of our addresses as a provider knows it."""
    return f"{settings.QUANG.public_url.rstrip('/')}{reverse(view, args=arguments)}"


def note(request: HttpRequest, by_provider: ByProvider) -> None:
    """The session that has just begun stands as long as the provider lets it.

    :raises LoginNotProved: the provider has ended it meanwhile; it is over
    """
    try:
        note_login(request.session[GRANT], **by_provider["login"])
    except LoginNotProved:
        end_grants_of(request.session)
        auth.logout(request)
        raise
    request.session[_KEY] = [by_provider["login"]["provider"], by_provider["id_token"]]


def address_after(request: HttpRequest) -> str:
    """Where somebody who logs out here logs out at their provider too; empty: nowhere."""
    if _KEY not in request.session:
        return ""
    provider, id_token = request.session[_KEY]
    try:
        return address_to_log_out(provider, id_token, own_address("login:login"))
    except (NotFound, ProviderUnavailable):  # taken out of the settings, or down: here the session is over all the same
        return ""
