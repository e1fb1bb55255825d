"""How people keep exams in order: saved lists, personal folders, tags, assignments, columns, target times."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from ris_core.orders.models import PatientClass, Priority


class SavedList(models.Model):
    """A filter with a name: personal, or shared with everybody or with one role."""

    name = models.CharField(max_length=64)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    parameters = models.JSONField(default=dict)
    """What the worklist's address says, name → text."""
    shared = models.BooleanField(default=False)
    role = models.CharField(max_length=16, blank=True)
    """Of a shared list: who sees it; empty: everybody."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_list_name_unique"),
            models.CheckConstraint(condition=models.Q(shared=True) | models.Q(role=""), name="saved_list_role_shared"),
        ]


class StartList(models.Model):
    """The list with which a user's day begins, or that of everybody with a role who has not chosen."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=16, blank=True)
    parameters = models.JSONField(default=dict)
    """What the worklist's address says, name → text."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["role"], condition=~models.Q(role=""), name="start_list_of_role_unique"),
            models.CheckConstraint(condition=models.Q(user__isnull=True) ^ models.Q(role=""), name="start_list_of_one"),
        ]


class Folder(models.Model):
    """Exams that a user collects (hồ sơ cá nhân); nobody else sees it."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="folder_name_unique")]


class FolderExam(models.Model):
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, related_name="exams")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["folder", "procedure"], name="exam_in_folder_once")]


class Tag(models.Model):
    """A word that readers put on exams: teaching case, to be discussed …; everybody sees it."""

    name = models.CharField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)


class ExamTag(models.Model):
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="exams")
    procedure = models.ForeignKey("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="tags")
    tagged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    tagged_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "procedure"], name="exam_tagged_once")]


class Assignment(models.Model):
    """Who is asked to read an exam. It locks nothing: whoever claims the exam reads it."""

    procedure = models.OneToOneField("orders.RequestedProcedure", on_delete=models.PROTECT, related_name="assignment")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField(auto_now_add=True)


class ListLayout(models.Model):
    """The columns that a user sees, in their order."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    columns = models.JSONField(default=list)


class ReadingTarget(models.Model):
    """Within how many minutes from the images a report is wanted, for exams that fit every given condition."""

    priority = models.CharField(max_length=8, choices=Priority, blank=True)
    patient_class = models.CharField(max_length=1, choices=PatientClass, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    service_code = models.CharField(max_length=64, blank=True)
    minutes = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["priority", "patient_class", "modality", "service_code"], name="reading_target_unique"
            ),
            models.CheckConstraint(condition=models.Q(minutes__gt=0), name="reading_target_positive"),
        ]
