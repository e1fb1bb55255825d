"""Keys of signers: added, unlocked for a while, locked, taken out of use. PIN and passphrase are never logged or kept
in clear: while a key is unlocked its secret lies in the database sealed by the site's own (:mod:`ris_core.sealing`)."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, NotPermitted
from ris_core.jobs.services import enqueue
from ris_core.sealing.values import opened, seal
from ris_core.settings import Settings
from ris_core.signatures.certificates import CertificateFacts
from ris_core.signatures.errors import CredentialLocked
from ris_core.signatures.locking import forget_secret
from ris_core.signatures.models import Signature, SigningCredential, UnlockedCredential
from ris_core.signatures.rules import UNDER_WAY, BatchState, CredentialKind, refuse_out_of_date
from ris_core.signatures.signers import KeyPlace, certificate_of, open_signer

JOB_KIND = "sign_report"
_MOST_OF_ONE = 10


def add_credential(place: KeyPlace, secret: str, actor: Actor) -> SigningCredential:
    """Take the key at ``place`` into use for ``actor``, unlocked; the secret proves that it is theirs.

    :raises SecretRefused, CredentialUnusable, SigningServiceUnavailable: the key does not open
    :raises CertificateOutOfDate: its certificate is not valid now
    """
    settings: Settings = django_settings.QUANG
    owner_id = _user_id(actor)
    if not secret:
        raise InvalidValue("enter PIN or passphrase", field="secret")
    if SigningCredential.objects.filter(owner_id=owner_id, removed_at__isnull=True).count() >= _MOST_OF_ONE:
        raise InvalidValue(f"one person has at most {_MOST_OF_ONE} keys: remove one first", field="kind")
    with open_signer(place, secret, settings) as signer:
        certificate = certificate_of(signer)
    facts = CertificateFacts.of(certificate)
    now = timezone.now()
    refuse_out_of_date(facts.not_before, facts.not_after, now)
    credential = SigningCredential(
        owner_id=owner_id,
        kind=place.kind,
        holder=facts.common_name[:255],
        subject=facts.subject,
        issuer=facts.issuer,
        serial=facts.serial,
        not_before=facts.not_before,
        not_after=facts.not_after,
        certificate=certificate.dump(),
        token=place.token,
        reference=place.reference,
        added_at=now,
    )
    if place.container:
        credential.sealed_container = seal(place.container, f"{credential.uid} container")
    with transaction.atomic():
        credential.save()
        record(
            actor, "signing_credential.added", subject=f"signing_credential:{credential.pk}",
            kind=place.kind, serial=facts.serial, issuer=facts.issuer,
        )  # fmt: skip
        _keep_unlocked(credential, secret, actor, settings)
    return credential


def unlock(credential_id: int, secret: str, actor: Actor) -> SigningCredential:
    """Let the key be used for a while; what waits for it is signed now.

    :raises SecretRefused: PIN or passphrase are wrong
    """
    settings: Settings = django_settings.QUANG
    credential = own_credential(credential_id, actor)
    with open_signer(place_of(credential), secret, settings) as signer:
        certificate_of(signer)
    with transaction.atomic():
        _keep_unlocked(credential, secret, actor, settings)
    return credential


@transaction.atomic
def lock(credential_id: int, actor: Actor) -> None:
    """Let the key be used no more until it is unlocked again; doing it again changes nothing."""
    forget_secret(own_credential(credential_id, actor), actor, "owner")


@transaction.atomic
def lock_after_refusal(credential: SigningCredential, actor: Actor) -> None:
    """The secret was refused: it is not tried again, because tokens lock for good after a few wrong PINs."""
    forget_secret(credential, actor, "refused")


@transaction.atomic
def remove(credential_id: int, actor: Actor) -> None:
    """Take a key out of use for good. The container is forgotten, what was signed stays, what waits is refused."""
    credential = own_credential(credential_id, actor)
    forget_secret(credential, actor, "removed")
    credential.sealed_container, credential.removed_at = b"", timezone.now()
    credential.save(update_fields=["sealed_container", "removed_at"])
    record(actor, "signing_credential.removed", subject=f"signing_credential:{credential.pk}", serial=credential.serial)
    waiting = Signature.objects.filter(credential=credential, state__in=UNDER_WAY)
    for signature_id in waiting.values_list("pk", flat=True):
        enqueue(JOB_KIND, signature_id, channel=channel(credential))  # finds the key gone, and says so


def own_credential(credential_id: int, actor: Actor) -> SigningCredential:
    """:raises NotFound: there is none, it is somebody else's, or out of use"""
    found = SigningCredential.objects.filter(
        pk=credential_id, owner_id=_user_id(actor), removed_at__isnull=True
    ).first()
    if found is None:
        raise NotFound("there is no such key of yours", field="credential")
    return found


def preferred_credential(user_id: int) -> SigningCredential | None:
    """The key that somebody signs with when they do not say which: one that is unlocked, else the newest valid one."""
    valid = SigningCredential.objects.filter(
        owner_id=user_id, removed_at__isnull=True, not_after__gte=timezone.now()
    ).order_by("-added_at", "-pk")
    return valid.filter(unlocked__expires_at__gt=timezone.now()).first() or valid.first()


def is_unlocked(credential: SigningCredential) -> bool:
    return UnlockedCredential.objects.filter(credential=credential, expires_at__gt=timezone.now()).exists()


def secret_of(credential: SigningCredential) -> str:
    """PIN or passphrase of a key that is unlocked now.

    :raises CredentialLocked: it is not
    """
    unlocked = UnlockedCredential.objects.filter(credential=credential, expires_at__gt=timezone.now()).first()
    if unlocked is None:
        raise CredentialLocked("the key is locked: its owner has to unlock it", field="credential")
    return opened(bytes(unlocked.sealed_secret), f"{credential.uid} secret").decode()


def place_of(credential: SigningCredential) -> KeyPlace:
    """Where the key lies."""
    sealed = bytes(credential.sealed_container)
    return KeyPlace(
        kind=CredentialKind(credential.kind),
        container=opened(sealed, f"{credential.uid} container") if sealed else b"",
        token=credential.token,
        reference=credential.reference,
    )


def channel(credential: SigningCredential) -> str:
    """One key signs one thing at a time."""
    return f"credential:{credential.pk}"


def forget_expired(_subject_id: str) -> None:
    """The duty ``forget_unlocked``: secrets whose time is over are deleted."""
    UnlockedCredential.objects.filter(expires_at__lte=timezone.now()).delete()


def _keep_unlocked(credential: SigningCredential, secret: str, actor: Actor, settings: Settings) -> None:
    now = timezone.now()
    UnlockedCredential.objects.update_or_create(
        credential=credential,
        defaults={
            "sealed_secret": seal(secret.encode(), f"{credential.uid} secret"),
            "unlocked_at": now,
            "expires_at": now + timedelta(minutes=settings.signing.unlocked_minutes),
        },
    )
    record(actor, "signing_credential.unlocked", subject=f"signing_credential:{credential.pk}")
    waiting = Signature.objects.filter(credential=credential, state__in=UNDER_WAY)
    for signature_id in waiting.exclude(batch__state=BatchState.PAUSED).values_list("pk", flat=True):
        enqueue(JOB_KIND, signature_id, channel=channel(credential))


def _user_id(actor: Actor) -> int:
    if actor.user_id is None:
        raise NotPermitted("only a person signs", field="actor")
    return actor.user_id
