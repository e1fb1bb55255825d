"""Exams shown to somebody without an account, by a link: what is shared, how it may be opened, who has opened it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.letters.entries import Channel, LetterEntry
from ris_core.sealing.fields import SealedBinaryField, SealedTextField


class Lock(models.TextChoices):
    """What is asked for beside the link."""

    NONE = "NONE"
    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a kind
    """Chosen by whoever shares, told by another way."""
    CODE = "CODE"
    """Six digits, sent to the receiver's telephone or mailbox at each opening, good once."""


class Share(models.Model):
    """One link. It is never deleted: who has seen what stays known."""

    handle = models.CharField(max_length=16, unique=True)
    """In addresses of what it has opened; random, and opens nothing."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the link's secret, which has 256 random bits and is kept nowhere."""
    revision = models.PositiveIntegerField(default=1)
    """Grows when less may be seen than before; viewers that were opened before it load nothing more."""
    receiver = models.CharField(max_length=128)
    """For whom, in the words of whoever shares."""
    comment = models.TextField(blank=True)
    """Shown to the receiver."""
    lock = models.CharField(max_length=8, choices=Lock, default=Lock.NONE)
    password = models.CharField(max_length=128, blank=True)
    """Its hash."""
    code_channel = models.CharField(max_length=8, choices=Channel, blank=True)
    code_address = SealedTextField(blank=True)
    with_report = models.BooleanField(default=True)
    anonymous = models.BooleanField(default=False)
    """The receiver gets copies of the images that nobody is known by, and nothing else of the exams."""
    may_download = models.BooleanField(default=False)
    may_pass_on = models.BooleanField(default=False)
    """Its receiver may make further links to it (:mod:`ris_core.sharing.passing_on`), and it opens on any device.
    Without it it opens on the first device that has opened it, and on no other."""
    watermark = models.BooleanField(default=False)
    """Whether what is seen of it bears the words of :mod:`ris_core.sharing.watermark`. Of one that was passed on the
    first one's counts."""
    pictures_only = models.BooleanField(default=False)
    """Only pictures made by the server are given, so that the words are in every pixel that leaves. Of one that was
    passed on the first one's counts."""
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="passed_on")
    """Whose receiver has passed it on; it opens nothing that the parent does not, and ends with it."""
    device = models.CharField(max_length=64, blank=True)
    """SHA-256 of the key of that device."""
    views_allowed = models.PositiveSmallIntegerField(null=True, blank=True)
    """None: as often as one likes."""
    views_used = models.PositiveIntegerField(default=0)
    wrong_tries = models.PositiveSmallIntegerField(default=0)
    """Wrong passwords and codes since the last right one."""
    locked_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """None: the patient, at the portal (:class:`ris_core.portal.models.PatientShare`). Of a share that was passed on
    whoever made the first."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes = [models.Index(fields=["created_by", "-created_at"], name="shares_of_user")]


class SharedExam(models.Model):
    """One exam of a share: its images that may be shown, and its report in force, at each look."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="exams")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    """Whose it was when it was shared: of anybody else nothing is shown (:mod:`ris_core.sharing.withholding`)."""
    birth_date = models.CharField(max_length=8, blank=True)
    """The patient's, as it was known then."""
    confidential_known = models.BooleanField(default=False)
    """Whoever shared it knew that the patient is confidential, or somebody who may know has let it go on since."""
    withheld_at = models.DateTimeField(null=True, blank=True)
    """Since when whoever shares has been told that it is withheld; whether it is, is asked at each look."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["share", "procedure"], name="exam_shared_once")]


class ShareOpening(models.Model):
    """Somebody has opened the link, and looks until it ends."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="openings")
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of the key that the browser holds."""
    opened_at = models.DateTimeField()
    until = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    """What the browser says it is."""


class ShareCode(models.Model):
    """A one-time code that was sent."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64)
    sent_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["share", "-sent_at"], name="share_codes")]


class ShareMessage(LetterEntry):
    """A link or a code on its way to the receiver."""

    share = models.ForeignKey(Share, on_delete=models.CASCADE, related_name="messages")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["share", "sequence"], name="share_message_order")]


class CopyingState(models.TextChoices):
    """How the copies of an anonymous share stand."""

    COPYING = "COPYING"
    READY = "READY"
    """To be looked at by whoever shares, and then given away."""
    FAILED = "FAILED"
    REMOVED = "REMOVED"
    """The share has ended; the engine has none of them any more."""


class ShareCopying(models.Model):
    """The copies of an anonymous share: made by the worker, and removed when the share ends."""

    share = models.OneToOneField(Share, on_delete=models.CASCADE, related_name="copying")
    secret = SealedBinaryField(default=b"")
    """Of the pseudonyms. Deleted with the copies."""
    state = models.CharField(max_length=8, choices=CopyingState, default=CopyingState.COPYING)
    image_count = models.PositiveIntegerField(default=0)
    """How many there are to be copied, as far as is known."""


class CopiedStudy(models.Model):
    """A study in the engine that is a copy: no exam's, in no list, found by nobody but its share's receiver."""

    copying = models.ForeignKey(ShareCopying, on_delete=models.CASCADE, related_name="studies")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    study = models.ForeignKey("studies.Study", on_delete=models.PROTECT, related_name="+")
    """Of which it is a copy."""
    study_instance_uid = models.CharField(max_length=64)
    orthanc_id = models.CharField(max_length=44, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["copying", "procedure", "study"], name="study_copied_once")]


class CopiedImage(models.Model):
    """What became of one image of a copied study."""

    class Result(models.TextChoices):
        COPIED = "COPIED"
        LOOKED_AT = "LOOKED_AT"
        """Text was looked for in its pixels, and there was none."""
        CLEANED = "CLEANED"
        """Text was blacked out."""
        WITHHELD = "WITHHELD"

    copied_study = models.ForeignKey(CopiedStudy, on_delete=models.CASCADE, related_name="images")
    source_id = models.CharField(max_length=44)
    """Of the image in the engine."""
    result = models.CharField(max_length=12, choices=Result)
    reason = models.CharField(max_length=24, blank=True)
    """Why it is withheld: :class:`ris_core.deidentification.kinds.Reason`."""
    orthanc_id = models.CharField(max_length=44, blank=True)
    """Of the copy."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["copied_study", "source_id"], name="image_copied_once")]
