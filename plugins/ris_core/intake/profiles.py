"""Profiles and senders as a person keeps them: saved as versions, restored, exported and imported.

A change is in force in every process within :data:`~ris_core.intake.senders.FRESH_SECONDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import IntegrityError, transaction

from ris_core.audit.services import Actor, record
from ris_core.errors import EditConflict, InvalidValue, NotFound
from ris_core.intake.identifier_meaning import check_meanings
from ris_core.intake.models import ProfileVersion, Sender, SenderProfile
from ris_core.intake.profile import DEFAULT_PROFILE, Profile, check_codec, profile_from, profile_to
from ris_core.intake.senders import forget_senders, networks_from

EXPORT_FORMAT: Final = "quang-hl7-profile"
_EXPORT_VERSION: Final = 1
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def create_profile(code: str, name: str, content: Mapping[str, Any], actor: Actor, comment: str = "") -> SenderProfile:
    """A new profile with its first version.

    :raises InvalidValue: for a code that is taken or no code, a missing name, or wrong content
    """
    if not _CODE.fullmatch(code):
        raise InvalidValue("a code has 1 to 64 small letters, digits and hyphens", field="code")
    if not name.strip():
        raise InvalidValue("a profile needs a name", field="name")
    checked = profile_to(profile_from(content))
    try:
        with transaction.atomic():
            profile = SenderProfile.objects.create(code=code, name=name.strip()[:128])
            _add_version(profile, 1, checked, actor, comment)
    except IntegrityError as error:
        raise InvalidValue("another profile has this code", field="code") from error
    return profile


@transaction.atomic
def save_version(
    profile_id: int,
    content: Mapping[str, Any],
    actor: Actor,
    *,
    based_on: int,
    comment: str = "",
    confirmed: bool = False,
) -> ProfileVersion:
    """Put ``content`` in force; the present version when it says the same.

    :param based_on: number of the version that was changed
    :param confirmed: a person has seen what it means for stored patients and orders
    :raises EditConflict: somebody saved a version in between
    :raises MeaningChanges: stored patients or orders would no longer be recognised, and nobody has confirmed it
    :raises InvalidValue: naming what is wrong in the content
    """
    checked = profile_to(profile_from(content))
    profile, newest = _locked(profile_id)
    if newest.number != based_on:
        raise EditConflict("somebody saved another version in between; look at it first", field="version")
    if newest.content == checked:
        return newest
    _check(profile, newest, checked, confirmed=confirmed)
    return _add_version(profile, newest.number + 1, checked, actor, comment, confirmed=confirmed)


@transaction.atomic
def restore_version(profile_id: int, number: int, actor: Actor, *, confirmed: bool = False) -> ProfileVersion:
    """Put an earlier version's content in force again, as a new version.

    :raises MeaningChanges: as :func:`save_version` does
    :raises NotFound: no such version
    """
    profile, newest = _locked(profile_id)
    earlier = profile.versions.filter(number=number).first()
    if earlier is None:
        raise NotFound("there is no such version", field="version")
    if earlier.content == newest.content:
        return newest
    _check(profile, newest, earlier.content, confirmed=confirmed)
    return _add_version(profile, newest.number + 1, earlier.content, actor, f"= {number}", confirmed=confirmed)


def newest_version(profile: SenderProfile) -> ProfileVersion:
    """The version in force."""
    return profile.versions.order_by("-number")[:1].get()


def exported(profile: SenderProfile) -> dict[str, Any]:
    """A profile to keep as a file or take to another hospital."""
    version = newest_version(profile)
    return {
        "format": EXPORT_FORMAT,
        "version": _EXPORT_VERSION,
        "code": profile.code,
        "name": profile.name,
        "content": version.content,
    }


def import_profile(data: Any, actor: Actor, *, confirmed: bool = False) -> SenderProfile:
    """Take in what :func:`exported` made; a profile with the same code gets a new version.

    :raises MeaningChanges: as :func:`save_version` does
    :raises InvalidValue: when it is no such file, or its content is wrong
    """
    if not isinstance(data, Mapping) or data.get("format") != EXPORT_FORMAT or data.get("version") != _EXPORT_VERSION:
        raise InvalidValue("this is no file with an HL7 profile", field="file")
    code, name, content = data.get("code"), data.get("name"), data.get("content")
    if not (isinstance(code, str) and isinstance(name, str) and isinstance(content, Mapping)):
        raise InvalidValue("this is no file with an HL7 profile", field="file")
    existing = SenderProfile.objects.filter(code=code).first()
    if existing is None:
        return create_profile(code, name, content, actor)
    save_version(existing.pk, content, actor, based_on=newest_version(existing).number, confirmed=confirmed)
    return existing


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that two versions have otherwise; none where a version leaves it to the default."""

    path: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> list[Difference]:
    """What one content says otherwise than another, by path."""
    found: list[Difference] = []
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        where = f"{path}.{key}" if path else key
        if isinstance(one or {}, Mapping) and isinstance(other or {}, Mapping) and one != other:
            found += differences(one or {}, other or {}, where)
        elif one != other:
            found.append(Difference(where, one, other))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRegistration:
    """What is known of a sender."""

    identity: str
    name: str
    active: bool = True
    networks: tuple[str, ...] = ()
    certificate: str = ""
    charset: str = ""
    profile_id: int | None = None
    may_query: bool = False

    def __post_init__(self) -> None:
        if self.identity.count("|") != 1 or len(self.identity) > 128 or not self.identity.strip("|").strip():
            raise InvalidValue("write MSH-3 and MSH-4 as HIS|HOSPITAL", field="identity")
        if not self.name.strip():
            raise InvalidValue("a sender needs a name", field="name")
        if self.charset:
            check_codec(self.charset, "charset")


def register_sender(registration: SenderRegistration, actor: Actor, *, confirmed: bool = False) -> Sender:
    """Add a sender; unregistered, it has been read by the default profile.

    :param confirmed: as :func:`change_sender` has it
    :raises MeaningChanges: by its profile, stored patients or orders would no longer be recognised
    :raises InvalidValue: naming the field
    """
    check_meanings(DEFAULT_PROFILE, _in_force(registration.profile_id), (registration.identity,), confirmed=confirmed)
    return _stored(Sender(), registration, actor, "sender.registered")


def change_sender(sender_id: int, registration: SenderRegistration, actor: Actor, *, confirmed: bool = False) -> Sender:
    """Replace what is known of a sender; one that is no longer used is made inactive, never deleted.

    :param confirmed: a person has seen what another profile means for stored patients and orders
    :raises MeaningChanges: by its new profile, stored patients or orders would no longer be recognised
    :raises NotFound: no such sender
    :raises InvalidValue: naming the field
    """
    sender = Sender.objects.filter(pk=sender_id).first()
    if sender is None:
        raise NotFound("there is no such sender", field="sender")
    if registration.profile_id != sender.profile_id:
        before, after = _in_force(sender.profile_id), _in_force(registration.profile_id)
        check_meanings(before, after, (sender.identity,), confirmed=confirmed)
    return _stored(sender, registration, actor, "sender.changed")


def _stored(sender: Sender, registration: SenderRegistration, actor: Actor, action: str) -> Sender:
    sender.identity = registration.identity
    sender.name = registration.name.strip()[:128]
    sender.active = registration.active
    sender.networks = networks_from(list(registration.networks))
    sender.certificate = _certificate(registration.certificate)
    sender.charset = registration.charset
    sender.profile_id = registration.profile_id
    sender.may_query = registration.may_query
    try:
        with transaction.atomic():
            sender.save()
            record(
                actor,
                action,
                subject=f"sender:{sender.pk}",
                profile=sender.profile_id,
                active=sender.active,
                may_query=sender.may_query,
            )
            transaction.on_commit(forget_senders)
    except IntegrityError as error:
        raise InvalidValue("another sender has this identity, or there is no such profile", field="identity") from error
    return sender


def _certificate(text: str) -> str:
    """A fingerprint in capitals without colons, or a subject as it was written."""
    digits = text.strip().replace(":", "").upper()
    return digits if re.fullmatch(r"[0-9A-F]{64}", digits) else text.strip()[:255]


def _locked(profile_id: int) -> tuple[SenderProfile, ProfileVersion]:
    profile = SenderProfile.objects.select_for_update().filter(pk=profile_id).first()
    if profile is None:
        raise NotFound("there is no such profile", field="profile")
    return profile, newest_version(profile)


def _in_force(profile_id: int | None) -> Profile:
    """What a profile says now; the default one for none."""
    version = ProfileVersion.objects.filter(profile_id=profile_id).order_by("-number").first() if profile_id else None
    return profile_from(version.content) if version else DEFAULT_PROFILE


def _check(profile: SenderProfile, newest: ProfileVersion, content: Mapping[str, Any], *, confirmed: bool) -> None:
    senders = list(profile.senders.values_list("identity", flat=True))
    check_meanings(profile_from(newest.content), profile_from(content), senders, confirmed=confirmed)


def _add_version(
    profile: SenderProfile,
    number: int,
    content: Mapping[str, Any],
    actor: Actor,
    comment: str,
    *,
    confirmed: bool = False,
) -> ProfileVersion:
    version = ProfileVersion.objects.create(
        profile=profile, number=number, content=content, comment=comment.strip()[:255], created_by_id=actor.user_id
    )
    record(actor, "profile.version_saved", subject=f"profile:{profile.pk}", number=number, confirmed=confirmed)
    transaction.on_commit(partial(forget_senders))
    return version
