"""Readings, immutable report versions, templates, and documents made from versions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from ris_core.errors import TransitionRefused


class ReadingState(models.TextChoices):
    UNREAD = "UNREAD"
    CLAIMED = "CLAIMED"
    DRAFT = "DRAFT"
    PRELIMINARY = "PRELIMINARY"
    FINAL = "FINAL"
    CONCLUDED = "CONCLUDED"
    """Of a reading before the report's: its opinion is kept (:mod:`ris_core.second_readings`)."""
    AMENDED = "AMENDED"
    RECALLED = "RECALLED"


class ReportTemplate(models.Model):
    """A report prepared for a kind of exam (mẫu kết quả); what is in it, is in its versions."""

    code = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=255)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    active = models.BooleanField(default=True)
    current = models.ForeignKey(
        "ReportTemplateVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """The version in use; none only while the template is being made."""
    updated_at = models.DateTimeField(auto_now=True)


class ReportTemplateVersion(models.Model):
    """One state of a template's definition; never changed, so that an older one can be looked at and taken again."""

    template = models.ForeignKey(ReportTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    definition = models.JSONField()
    """:class:`ris_core.reports.definition.Definition`."""
    sha256 = models.CharField(max_length=64)
    comment = models.CharField(max_length=255, blank=True)
    made_by = models.CharField(max_length=128)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_unique")]


class Phrase(models.Model):
    """Words that an abbreviation stands for (``.bt`` and Tab), of one person or of the hospital."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="phrases"
    )
    """None: the hospital's, for everybody."""
    abbreviation = models.CharField(max_length=32)
    text = models.TextField(blank=True)
    """What is put where one types; may be empty when ``sections`` is not."""
    sections = models.JSONField(default=dict)
    """Of a macro: code of a standard section → what is put into it, wherever one types."""
    replaces = models.BooleanField(default=False)
    """Whether what stands in those sections gives way, as a template's normal findings do; else it is added below."""
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    """Empty modality and service: for every exam."""
    active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "abbreviation", "modality", "service_code"],
                condition=models.Q(active=True, owner__isnull=False),
                name="phrase_of_person_unique",
            ),
            models.UniqueConstraint(
                fields=["abbreviation", "modality", "service_code"],
                condition=models.Q(active=True, owner__isnull=True),
                name="phrase_of_hospital_unique",
            ),
        ]


class SpellingWord(models.Model):
    """A word that the spelling check of reports takes for right, besides those that come with the suite."""

    word = models.CharField(max_length=64, unique=True)
    """In lower case, NFC."""
    added_by = models.CharField(max_length=128)
    added_at = models.DateTimeField(auto_now_add=True)


class ReportText(models.Model):
    """A report's content with the texts made from it; written by ``put_content`` alone."""

    content = models.JSONField(default=dict)
    """:class:`ris_core.reports.content.Content`."""
    technique = models.TextField(blank=True)
    findings = models.TextField(blank=True)
    conclusion = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    """The four standard sections as text, for searches and for programs that know no others."""
    plain_text = models.TextField(blank=True)
    """The whole report as text, each section under its heading."""

    class Meta:
        abstract = True


class Reading(ReportText):
    """The reading of a requested procedure by one reader, with the draft being typed.

    The versions of ``ordinal`` 1 are the exam's report; 2 and 3 are read before it where several read
    (:mod:`ris_core.second_readings`).
    """

    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="readings")
    ordinal = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=16, choices=ReadingState, default=ReadingState.UNREAD)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="claimed_readings"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    active_at = models.DateTimeField(null=True, blank=True)
    """When its holder was last at work on it."""
    template = models.ForeignKey(ReportTemplate, null=True, blank=True, on_delete=models.SET_NULL)
    draft_revision = models.PositiveIntegerField(default=0)
    """Grows at every save; a save that names another revision is an edit conflict."""
    draft_saved_at = models.DateTimeField(null=True, blank=True)
    draft_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    """Who saved the draft last; none while nothing was typed since the version in force."""
    draft_window = models.CharField(max_length=36, blank=True)
    """In which window: another one's save is told to live screens, so that both show the same."""
    draft_kept_at = models.DateTimeField(null=True, blank=True)
    """When a state of the draft was last put aside (:class:`DraftState`)."""
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["procedure", "ordinal"], name="reading_ordinal_unique")]
        indexes = [models.Index(fields=["claimed_by", "state"], name="reading_by_reader")]


class DraftState(models.Model):
    """What a draft said before it was written on; put aside now and then (:mod:`ris_core.reports.drafts`)."""

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="draft_states")
    revision = models.PositiveIntegerField()
    content = models.JSONField()
    """:class:`ris_core.reports.content.Content`."""
    typed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reading", "revision"], name="draft_state_unique")]


class VersionStatus(models.TextChoices):
    """OBR-25 and OBX-11 follow from it (HL7 table 0123)."""

    PRELIMINARY = "P"
    FINAL = "F"
    CORRECTED = "C"


class ReportVersion(ReportText):
    """What was approved, word for word; never changed (invariant 6)."""

    reading = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=1, choices=VersionStatus)
    content_sha256 = models.CharField(max_length=64)
    """SHA-256 of the content's canonical JSON."""
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reading", "number"], name="report_version_unique")]

    def save(self, *arguments: Any, **options: Any) -> None:
        """Write a new version; one that is written is never changed (:mod:`ris_core.reports.immutability`)."""
        if self.pk is not None:
            raise TransitionRefused("a report version is never changed: approve a corrected one", field="version")
        super().save(*arguments, **options)


class ReportRecall(models.Model):
    """That a version counts no more (thu hồi): for good, the next version corrects it."""

    version = models.OneToOneField(ReportVersion, on_delete=models.PROTECT, related_name="recall")
    reason = models.CharField(max_length=255)
    recalled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    recalled_at = models.DateTimeField()


class Document(models.Model):
    """A file made from a report version, kept with its hash."""

    class Kind(models.TextChoices):
        PDF = "PDF"

    version = models.ForeignKey(ReportVersion, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=8, choices=Kind)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    orthanc_instance_id = models.CharField(max_length=44, blank=True)
    """Where the document is stored as Encapsulated PDF, or the notice in its place; empty until then, and once a newer
    version has replaced it there."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "kind"], name="document_unique")]
