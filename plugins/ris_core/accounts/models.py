"""Users of the RIS and their roles."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models


class Role(models.TextChoices):
    """What a user is here; what each may do is data in :mod:`ris_core.accounts.rules`."""

    RESIDENT = "RESIDENT"
    RADIOLOGIST = "RADIOLOGIST"
    SENIOR = "SENIOR"
    SECRETARY = "SECRETARY"
    TECHNOLOGIST = "TECHNOLOGIST"
    RECEPTION = "RECEPTION"
    CLINICIAN = "CLINICIAN"
    ADMINISTRATOR = "ADMINISTRATOR"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None, *, full_name: str, role: str) -> User:
        user = self.model(username=username, full_name=full_name, role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who logs in; the name is unique and has letters, digits and underscore (Q6)."""

    username = models.CharField(max_length=64, unique=True, validators=[RegexValidator(r"^[A-Za-z0-9_]{3,64}$")])
    full_name = models.CharField(max_length=255)
    title = models.CharField(max_length=64, blank=True)
    """Academic title before the name on a report: ``BS.``, ``ThS.BS.``, ``TS.BS.``."""
    role = models.CharField(max_length=16, choices=Role)
    language = models.CharField(max_length=2, default="vi")
    theme = models.CharField(max_length=5, default="auto")
    images = models.CharField(max_length=6, default="auto")
    """How the viewer asks for frames: by the link's rate (``auto``), as ``stored``, compressed (``small``)."""
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["full_name", "role"]
