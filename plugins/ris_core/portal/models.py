"""The portal for patients: slips with codes, who has entered with them, what is seen and shared (R17, F4)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from ris_core.letters.entries import LetterEntry
from ris_core.portal.rules import Decision, ReleaseWhen


class PortalSlip(models.Model):
    """A printed code with which a patient looks up their results; kept when it is over: who had one stays known."""

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    """Whose it was when it was printed. What it opens is asked at each look: merges and their undoing are followed."""
    procedure = models.ForeignKey("orders.RequestedProcedure", null=True, on_delete=models.PROTECT, related_name="+")
    """The one exam it is for; none: all of the patient's."""
    digest = models.CharField(max_length=64, unique=True)
    """HMAC-SHA256 of the code under a key of this site's; the code is kept nowhere."""
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(procedure__isnull=True, withdrawn_at__isnull=True),
                name="portal_slip_of_patient_once",
            ),
            models.UniqueConstraint(
                fields=["procedure"], condition=Q(withdrawn_at__isnull=True), name="portal_slip_of_exam_once"
            ),
        ]


class EntryAttempt(models.Model):
    """Somebody has typed a code. Written before anything is looked up, so that tries at the same time are all counted,
    and for codes that do not exist as for those that do."""

    digest = models.CharField(max_length=64)
    """As :attr:`PortalSlip.digest`."""
    address = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)
    succeeded = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(fields=["digest", "at"], name="portal_tries_of_code"),
            models.Index(fields=["address", "at"], name="portal_tries_of_address"),
        ]


class PortalVisit(models.Model):
    """Somebody is at the portal: a browser with a key."""

    slip = models.ForeignKey(PortalSlip, on_delete=models.PROTECT, related_name="visits")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    """Whose results the slip opened then; once it opens another record's, the visit is over."""
    proven = models.CharField(max_length=64, default="")
    """Who that was: :func:`ris_core.portal.releasing.identity_of`. Once it is another, the visit is over."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the key in the browser's cookie."""
    began_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    """None: a one-time code is waited for."""
    used_at = models.DateTimeField()
    """To the minute."""
    ended_at = models.DateTimeField(null=True, blank=True)
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)


class EntryCode(models.Model):
    """A one-time code that was sent to the patient's telephone."""

    visit = models.ForeignKey(PortalVisit, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class PortalLetter(LetterEntry):
    """A one-time code on its way."""

    visit = models.ForeignKey(PortalVisit, on_delete=models.CASCADE, related_name="letters")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visit", "sequence"], name="portal_letter_order")]


class ReleaseRule(models.Model):
    """When patients see results of such exams, and what they are told with them; the most particular one counts."""

    service_code = models.CharField(max_length=64, blank=True)
    """A code, or its beginning with ``*``; empty: any."""
    modality = models.CharField(max_length=16, blank=True)
    when = models.CharField(max_length=8, choices=[(each.value, each.value) for each in ReleaseWhen])
    delay_hours = models.PositiveIntegerField(default=0)
    """From then on."""
    with_images = models.BooleanField(default=True)
    guidance = models.TextField(blank=True)
    guidance_en = models.TextField(blank=True)
    """In English; empty: the Vietnamese one is shown."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service_code", "modality"], name="portal_rule_once")]


class ResultDecision(models.Model):
    """What a person has said of one exam's result, whatever the rules say."""

    procedure = models.OneToOneField("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=[(each.value, each.value) for each in Decision])
    reason = models.CharField(max_length=255)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()


class PortalConsent(models.Model):
    """That a patient has agreed to what showing their results to others means."""

    slip = models.ForeignKey(PortalSlip, on_delete=models.PROTECT, related_name="consents")
    text_version = models.CharField(max_length=16)
    """Which text was agreed to (:data:`ris_core.portal.consent.TEXTS`)."""
    language = models.CharField(max_length=2)
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slip"], condition=Q(withdrawn_at__isnull=True), name="portal_consent_in_force_once"
            )
        ]


class PatientShare(models.Model):
    """A share that a patient has made; it shows what the patient sees and ends with slip and consent."""

    share = models.OneToOneField("sharing.Share", on_delete=models.CASCADE, related_name="patients")
    slip = models.ForeignKey(PortalSlip, on_delete=models.PROTECT, related_name="shares")
    consent = models.ForeignKey(PortalConsent, on_delete=models.PROTECT, related_name="shares")


class ImagesLook(models.Model):
    """A viewer token that was made at the portal, or from a patient's share: its grant is ``portal:<id>``.

    Whether it has ended is asked at each reading of ended grants (:mod:`ris_core.portal.looks`); so everything that
    takes a result back takes its images back, whether or not it knows of the portal.
    """

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    slip = models.ForeignKey(PortalSlip, on_delete=models.PROTECT, related_name="+")
    visit = models.ForeignKey(PortalVisit, null=True, on_delete=models.CASCADE, related_name="looks")
    """None: whoever holds :attr:`share` looks."""
    share = models.ForeignKey("sharing.Share", null=True, on_delete=models.CASCADE, related_name="+")
    share_revision = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)
    """Of the token."""
    ended_at = models.DateTimeField(null=True, blank=True)
    """Images were taken from the exam then."""
