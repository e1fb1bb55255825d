"""Who signs with what, what was asked to be signed, and the files that came of it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from ris_core.signatures.rules import BatchState, CredentialKind, FileKind, Level, SignatureState


class SigningPolicy(models.Model):
    """How this site signs; one row."""

    level = models.CharField(max_length=8, choices=[(level.value, level.value) for level in Level], default=Level.B_B)
    tsa_url = models.CharField(max_length=500, blank=True)
    """Time-stamping authority (RFC 3161); empty: none, which only level B-B can do without."""
    visible = models.BooleanField(default=True)
    """Whether the signature is drawn on the page."""
    updated_at = models.DateTimeField(null=True)


class TrustedCertificate(models.Model):
    """A certificate authority whose signers and time stamps this site trusts."""

    subject = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64, unique=True)
    not_after = models.DateTimeField()
    der = models.BinaryField()
    added_at = models.DateTimeField()


class SigningCredential(models.Model):
    """A person's key and certificate, or where they lie; the key can be used only while it is unlocked."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """Sealed values name it, so that none can be moved to another credential."""
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signing_credentials")
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in CredentialKind])
    holder = models.CharField(max_length=255, blank=True)
    """Common name in the certificate."""
    subject = models.CharField(max_length=500)
    issuer = models.CharField(max_length=500)
    """Common name of who issued it."""
    serial = models.CharField(max_length=64)
    """Serial number of the certificate, hexadecimal."""
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    certificate = models.BinaryField()
    """DER."""
    sealed_container = models.BinaryField(default=b"")
    """PKCS#12 as it was given, still under its own passphrase, sealed once more by the site's secret."""
    token = models.CharField(max_length=64, blank=True)
    """PKCS#11: the token's label."""
    reference = models.CharField(max_length=255, blank=True)
    """PKCS#11: the key's label; remote service: credentialID."""
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)


class UnlockedCredential(models.Model):
    """A credential that its owner has unlocked for a while; the row goes when it is locked again."""

    credential = models.OneToOneField(SigningCredential, on_delete=models.CASCADE, related_name="unlocked")
    sealed_secret = models.BinaryField()
    """Passphrase or PIN, sealed by the site's secret."""
    unlocked_at = models.DateTimeField()
    expires_at = models.DateTimeField()


class SigningBatch(models.Model):
    """Reports that somebody has signed in one go."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=[(state.value, state.value) for state in BatchState])
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "started_at"], name="signing_batch_by_owner")]


class Signature(models.Model):
    """One signing of a report version, asked for by the person who approved it."""

    version = models.ForeignKey("reports.ReportVersion", on_delete=models.PROTECT, related_name="signatures")
    document = models.ForeignKey("reports.Document", null=True, on_delete=models.PROTECT, related_name="signatures")
    """The printed report that was signed; none until then."""
    credential = models.ForeignKey(SigningCredential, on_delete=models.PROTECT, related_name="signatures")
    signer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signatures")
    batch = models.ForeignKey(SigningBatch, null=True, on_delete=models.PROTECT, related_name="signatures")
    state = models.CharField(max_length=9, choices=[(state.value, state.value) for state in SignatureState])
    level = models.CharField(max_length=8, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    serial = models.CharField(max_length=64, blank=True)
    bound = models.JSONField(default=dict)
    """What the signature binds (:class:`ris_core.signatures.binding.Binding`)."""
    problem_code = models.CharField(max_length=16, blank=True)
    problem = models.CharField(max_length=500, blank=True)
    """Why it has failed, or what it waits for."""
    asked_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=255, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """None: it was signed again."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=models.Q(state__in=("QUEUED", "SIGNING")), name="signature_under_way_once"
            ),
            models.UniqueConstraint(
                fields=["version"], condition=models.Q(state="SIGNED"), name="signature_in_force_once"
            ),
        ]
        indexes = [
            models.Index(fields=["signer", "state"], name="signature_by_signer"),
            models.Index(fields=["credential", "state"], name="signature_by_credential"),
            models.Index(fields=["batch", "state"], name="signature_by_batch"),
        ]


class SignedFile(models.Model):
    """A signed file: the PDF with its signature in it (PAdES), or the structured result (XAdES)."""

    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=4, choices=[(kind.value, kind.value) for kind in FileKind])
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64, db_index=True)
    orthanc_instance_id = models.CharField(max_length=44, blank=True)
    """Where the PDF is stored in the study; empty until it is, and again once it counts no more."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["signature", "kind"], name="signed_file_unique")]
