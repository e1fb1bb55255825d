"""Studies as they arrived, and how each came to belong to an order."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class StudyState(models.TextChoices):
    RECEIVING = "RECEIVING"
    STABLE = "STABLE"
    LINKED = "LINKED"
    READY_TO_READ = "READY_TO_READ"
    UNMATCHED = "UNMATCHED"
    CONFLICT = "CONFLICT"
    REJECTED = "REJECTED"


LINKED_STATES = (StudyState.LINKED, StudyState.READY_TO_READ)
"""States in which a study belongs to a patient here."""
QUEUE_STATES = (StudyState.UNMATCHED, StudyState.CONFLICT)
"""States in which it waits for a person."""


class Study(models.Model):
    """A study in the engine. Two patients under one StudyInstanceUID are two rows, both in ``CONFLICT``."""

    orthanc_id = models.CharField(max_length=44, unique=True)
    study_instance_uid = models.CharField(max_length=64, db_index=True)
    patient = models.ForeignKey(
        "patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="studies"
    )
    """The patient of its active link; null while it waits in a queue."""
    state = models.CharField(max_length=16, choices=StudyState, default=StudyState.RECEIVING)
    reason = models.CharField(max_length=64, blank=True)
    """Why it waits: a code of :mod:`ris_core.matching.rules`, shown as a sentence."""
    candidates = models.JSONField(default=list)
    """Evidence for the person who decides: procedures considered with their explanation."""
    as_received = models.JSONField(default=dict)
    """Patient and study attributes as the device sent them, never changed: DICOM JSON model (PS3.18 F), each element
    with its encoded bytes as ``received`` (base64). See :mod:`ris_core.studies.received`."""
    restated = models.JSONField(default=dict)
    """Attributes (tag → text) that a tag rule or a person has stated in place of what the device sent: matching and
    the stored files follow them. Empty for nearly every study."""
    other_headers = models.JSONField(default=list)
    """As ``as_received``, of images that describe the patient in other words; found when all were compared."""
    compared_count = models.PositiveIntegerField(default=0)
    """How many images the study had then."""
    received_patient_id = models.CharField(max_length=64, blank=True)
    received_patient_name = models.CharField(max_length=255, blank=True)
    received_accession_number = models.CharField(max_length=64, blank=True)
    search_text = models.CharField(max_length=383, blank=True)
    """Folded: name, PatientID and accession number as received."""
    modalities = models.CharField(max_length=64, blank=True)
    """ModalitiesInStudy, separated by spaces."""
    study_date = models.CharField(max_length=8, blank=True)
    study_time = models.CharField(max_length=16, blank=True)
    study_description = models.CharField(max_length=255, blank=True)
    remote_ae_title = models.CharField(max_length=64, blank=True)
    series_count = models.PositiveIntegerField(default=0)
    instance_count = models.PositiveIntegerField(default=0)
    complete = models.BooleanField(default=False)
    """No image has come for a while (the engine's ``StableAge``)."""
    gone_from_engine_at = models.DateTimeField(null=True, blank=True)
    """When the sweeper found that the engine has it no more: flagged for a person, never deleted here."""
    corrected_at = models.DateTimeField(null=True, blank=True)
    """When its stored files were last changed here; null: they are as received."""
    being_arranged = models.BooleanField(default=False)
    """Its files are being changed: what the engine says of it meanwhile means nothing."""
    arrangement = models.CharField(max_length=64, blank=True)
    """Digest of what its files should be (:mod:`ris_core.studies.wanted`) when all were last found to be so."""
    correction_problem = models.CharField(max_length=64, blank=True)
    """Why its files are not as they should be: a code of :class:`ris_core.studies.problems.Problem`."""
    problem_files = models.JSONField(default=list)
    """Files that could not be read when last tried: their identifiers in the engine. Until a person decides about
    them, what was to be moved lies in both places."""
    files_left = models.JSONField(default=list)
    """Of such files, those that a person has decided to leave as and where they are."""
    first_received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=LINKED_STATES, patient__isnull=False)
                | (~models.Q(state__in=LINKED_STATES) & models.Q(patient__isnull=True)),
                name="study_has_patient_only_when_linked",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "last_received_at"], name="study_queue"),
            models.Index(fields=["remote_ae_title", "last_received_at"], name="study_by_device"),
            models.Index(fields=["last_received_at"], name="study_by_arrival"),
            models.Index(fields=["received_patient_id"], name="study_by_received_id"),
            models.Index(fields=["updated_at"], condition=models.Q(complete=False), name="study_incomplete"),
            models.Index(fields=["received_accession_number"], name="study_by_received_number"),
        ]


class StudyLink(models.Model):
    """Study ↔ requested procedure: how it came to be, by whom, and whether it was undone (invariant 1)."""

    class How(models.TextChoices):
        EXACT = "EXACT"
        KEY = "KEY"
        SCORED = "SCORED"
        PERSON = "PERSON"

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="links")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="links")
    how = models.CharField(max_length=8, choices=How)
    explanation = models.JSONField(default=dict)
    """The comparison of each field (:meth:`ris_core.matching.rules.Candidate.as_json`) and the person's reason."""
    step_status_before = models.JSONField(default=dict)
    """Status of each scheduled step before this link changed it, by the step's key: what undoing restores."""
    linked_at = models.DateTimeField()
    linked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_reason = models.CharField(max_length=255, blank=True)
    """A person's words, or the code of the contradiction that undid it."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["study", "procedure"], condition=models.Q(undone_at__isnull=True), name="study_linked_once"
            ),
        ]
        indexes = [
            models.Index(fields=["linked_at"], condition=models.Q(how="PERSON"), name="link_by_person"),
        ]


class StudyPlace(models.Model):
    """An identifier under which the engine has or had images of a study: it depends on PatientID, which changes when
    a study is corrected. What arrives there belongs to the study, were it sent again years later."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="places")
    orthanc_id = models.CharField(max_length=44, unique=True)


class ForetoldStudy(models.Model):
    """A study of which a person has said whose it is before its images are stored: images from outside."""

    study_instance_uid = models.CharField(max_length=64)
    received_patient_id = models.CharField(max_length=64, blank=True)
    """As the images say it."""
    restated = models.JSONField(default=dict)
    """Attributes (tag → text) in place of what the images say; :attr:`Study.restated` from the first image on."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study_instance_uid", "received_patient_id"], name="study_foretold_once"),
        ]


class ImageInHand(models.Model):
    """The one image that is being replaced in the engine under the same identifier, with its copy's. Written before
    anything is deleted, so that whoever comes after a crash knows which copy to make the image of again."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="images_in_hand")
    sop_instance_uid = models.CharField(max_length=64)
    copy_sop_instance_uid = models.CharField(max_length=64)
    labels = models.JSONField(default=list)
    metadata = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study"], name="study_one_image_in_hand")]


class CopyDecision(models.TextChoices):
    """What becomes of a further file under the UID of a stored image."""

    WAITING = "WAITING"
    KEEP_FIRST = "KEEP_FIRST"
    """The stored image stays; the further one stays kept."""
    REPLACE = "REPLACE"
    """The further one takes the stored one's place, whose file is kept instead."""
    BESIDE = "BESIDE"
    """The further one is stored too, under a SOP Instance UID of its own."""


class KeptCopy(models.Model):
    """A file that came under the SOPInstanceUID of a stored image and is another image. The engine keeps one file
    under a UID, so this one is kept here, byte for byte, until a person decides and after."""

    study = models.ForeignKey(Study, null=True, on_delete=models.PROTECT, related_name="kept_copies")
    """Null until the worker has looked whose image it is."""
    engine_study_id = models.CharField(max_length=44)
    """Where the engine had the stored image when this one came."""
    sop_instance_uid = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    """SHA-256 of the file."""
    byte_count = models.PositiveBigIntegerField()
    """Of the file, and of the first one's once that is kept too."""
    difference = models.CharField(max_length=16)
    """A code of :class:`ris_core.studies.file_differences.Difference`."""
    sender = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField()
    decision = models.CharField(max_length=16, choices=CopyDecision, default=CopyDecision.WAITING)
    new_sop_instance_uid = models.CharField(max_length=64, blank=True)
    """Under which it is stored when it is stored beside; given once, so that undone and done again is the same."""
    first_is_kept = models.BooleanField(default=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decision_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sop_instance_uid", "digest"], name="copy_kept_once"),
        ]
        indexes = [
            models.Index(fields=["decision", "received_at"], name="copy_waiting"),
        ]


class KeptCopyPart(models.Model):
    """A piece of a kept file, so that neither it nor the database needs all of it at once."""

    copy = models.ForeignKey(KeptCopy, on_delete=models.PROTECT, related_name="parts")
    of_first = models.BooleanField(default=False)
    """Of the file that was stored first, kept when it was replaced."""
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["copy", "of_first", "number"], name="copy_part_once"),
        ]


class OperationKind(models.TextChoices):
    """What a person may do with a study's images; each can be undone."""

    SPLIT = "SPLIT"
    MERGE = "MERGE"
    MOVE_SERIES = "MOVE_SERIES"
    CHANGE_PATIENT = "CHANGE_PATIENT"
    REJECT_IMAGES = "REJECT_IMAGES"
    REJECT_STUDY = "REJECT_STUDY"


class OperationState(models.TextChoices):
    RUNNING = "RUNNING"
    DONE = "DONE"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"


class StudyOperation(models.Model):
    """One operation on a study: who, why, how far, and what undoing it restores."""

    kind = models.CharField(max_length=16, choices=OperationKind)
    state = models.CharField(max_length=8, choices=OperationState, default=OperationState.RUNNING)
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="operations")
    other_study = models.ForeignKey(
        Study, null=True, blank=True, on_delete=models.PROTECT, related_name="operations_from"
    )
    """Where images went."""
    reason = models.CharField(max_length=255)
    rejection = models.CharField(max_length=16, blank=True)
    """Code of the rejection note's title (PS3.16 CID 7011)."""
    note_orthanc_id = models.CharField(max_length=44, blank=True)
    """Where the engine keeps the rejection note."""
    before = models.JSONField(default=dict)
    """What undoing restores: states and links, ids only."""
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undone_reason = models.CharField(max_length=255, blank=True)

    @property
    def study_ids(self) -> list[int]:
        """The studies it is about, in the order in which they are to be locked."""
        return sorted({self.study_id} | ({self.other_study_id} if self.other_study_id is not None else set()))


class Placement(models.Model):
    """Images that a person has put into another study than the one they came with; undone, the row stays."""

    operation = models.ForeignKey(StudyOperation, on_delete=models.PROTECT, related_name="placements")
    origin = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="placements_away")
    target = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="placements_here")
    series_instance_uid = models.CharField(max_length=64, blank=True)
    """Empty: all that came with the study and is placed nowhere else, images that come later included."""
    sop_instance_uid = models.CharField(max_length=64, blank=True)
    """Empty: the whole series, images that come later included."""
    undone = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["origin", "undone"], name="placement_origin")]
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "series_instance_uid", "sop_instance_uid"],
                condition=models.Q(undone=False),
                name="images_placed_once",
            ),
            models.CheckConstraint(condition=~models.Q(origin=models.F("target")), name="images_placed_elsewhere"),
        ]


class EnginePosition(models.Model):
    """How far the engine's journal (``/changes``) has been read; there is one row."""

    sequence = models.BigIntegerField(default=0)
    last_full_comparison_at = models.DateTimeField(null=True, blank=True)
    orders_seen_until = models.DateTimeField(null=True, blank=True)
    """Studies in the queue have been compared with every order changed before."""
