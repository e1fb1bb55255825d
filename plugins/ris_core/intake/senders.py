"""Who sends a message, whether it may, and how it is read; known again within a second of a change.

Every message asks for its sender, so what is stored is kept in memory and looked up anew only now and then: two small
queries a second while messages come, however many they are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.db.models import Max

from ris_core.errors import InvalidValue
from ris_core.hl7.acknowledgement import AcknowledgementCode, ErrorCode, Location, MessageRefused
from ris_core.hl7.er7 import Message
from ris_core.intake.models import ProfileVersion, Sender, SenderProfile
from ris_core.intake.profile import DEFAULT_PROFILE, Profile, profile_from
from ris_core.statements import Select

FRESH_SECONDS = 1.0
"""How old what is kept in memory may be."""


class SenderRefused(MessageRefused):
    """A message from a system that may not send here, or not from there: nothing of it is applied."""

    code = "QUANG-7005"

    def __init__(self, detail: str) -> None:
        super().__init__(
            detail,
            error=ErrorCode.TABLE_VALUE_NOT_FOUND,
            location=Location("MSH", 1, 3),
            acknowledgement=AcknowledgementCode.REJECT,
        )


@dataclass(frozen=True, slots=True)
class KnownSender:
    """What is known of a sender; of one that is not registered, only how it is read."""

    registered: bool = False
    active: bool = True
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    certificate: str = ""
    charset: str = ""
    may_query: bool = False
    """Its own right; :attr:`Profile.queries` may give it too."""
    profile: Profile = DEFAULT_PROFILE


UNKNOWN = KnownSender()

_find_senders = Select(
    Sender.objects.order_by("id").values_list(
        "identity", "active", "networks", "certificate", "charset", "may_query", "profile_id"
    )
)
_find_newest_versions = Select(
    SenderProfile.objects.order_by("id").annotate(newest=Max("versions__id")).values_list("id", "newest")
)


class _Registry:
    """The senders as they were stored a moment ago."""

    def __init__(self) -> None:
        self._senders: Mapping[str, KnownSender] = {}
        self._versions: dict[int, Profile] = {}
        self._read_at = float("-inf")

    def sender(self, identity: str) -> KnownSender:
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._senders = self._stored()
            self._read_at = time.monotonic()
        return self._senders.get(identity, UNKNOWN)

    def forget(self) -> None:
        self._versions.clear()
        self._read_at = float("-inf")

    def _stored(self) -> dict[str, KnownSender]:
        rows = _find_senders.rows()
        if not rows:
            return {}
        newest: dict[int, int] = dict(_find_newest_versions.rows())
        return {
            identity: KnownSender(
                registered=True,
                active=bool(active),
                networks=tuple(map(ip_network, networks)),
                certificate=certificate,
                charset=charset,
                may_query=bool(may_query),
                profile=self._profile(newest[profile_id]) if profile_id else DEFAULT_PROFILE,
            )
            for identity, active, networks, certificate, charset, may_query, profile_id in rows
        }

    def _profile(self, version_id: int) -> Profile:
        """A version's content; versions never change."""
        if version_id not in self._versions:
            content = ProfileVersion.objects.values_list("content", flat=True).get(pk=version_id)
            self._versions[version_id] = profile_from(content)
        return self._versions[version_id]


_registry = _Registry()


def sender_of(message: Message) -> KnownSender:
    """What is known of the sender of ``message``."""
    return _registry.sender(message.sender)


def forget_senders() -> None:
    """Look them up anew at the next message of this process."""
    _registry.forget()


def read_message(raw: bytes, profile: Profile | None = None) -> Message:
    """The message in ``raw``, in the character set that its sender is known to use.

    :param profile: this one instead of the sender's
    :raises InvalidValue: when it cannot be read as a message
    """
    message = Message.parse(raw, settings.QUANG.hl7.undeclared_charset)
    if raw.isascii():
        return message
    sender = sender_of(message)
    undeclared = (profile or sender.profile).undeclared_charset
    codec = sender.charset or (undeclared if not message.header.raw(18) else "")
    return Message.parse(raw, codec, declared="") if codec else message


def admit(message: Message, address: str, certificate: tuple[str, ...] = ()) -> None:
    """Let ``message`` in, or not, by who says to have sent it and from where it came.

    :param address: ``host:port`` of the peer
    :param certificate: names of the client certificate that was shown (fingerprint and subject); empty without TLS
    :raises SenderRefused: when it must not be applied
    """
    sender = sender_of(message)
    if not sender.registered:
        if settings.QUANG.hl7.unknown_senders == "refuse":
            raise SenderRefused("MSH-3, MSH-4: this sender is not registered here; ask for it to be registered")
        return
    if not sender.active:
        raise SenderRefused("MSH-3, MSH-4: this sender is switched off here")
    if sender.networks and not _is_within(address, sender.networks):
        raise SenderRefused("MSH-3, MSH-4: this sender may not send from this address")
    if sender.certificate and sender.certificate not in certificate:
        raise SenderRefused("MSH-3, MSH-4: this sender must show its TLS client certificate")


def _is_within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        found = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in networks)


def networks_from(texts: list[str]) -> list[str]:
    """Addresses and networks in their usual form.

    :raises InvalidValue: for one that is none
    """
    found = []
    for text in texts:
        try:
            found.append(str(ip_network(text, strict=False)))
        except ValueError as error:
            raise InvalidValue(
                f"{text[:64]!r} is no address and no network such as 10.1.2.0/24", field="networks"
            ) from error
    return found
