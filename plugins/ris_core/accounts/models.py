"""Users of the RIS, their roles, and the passwords that they had."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils.crypto import salted_hmac


class Role(models.TextChoices):
    """The roles that come with the system; what each may do is data in :mod:`ris_core.accounts.rules`."""

    RESIDENT = "RESIDENT"
    RADIOLOGIST = "RADIOLOGIST"
    SENIOR = "SENIOR"
    SECRETARY = "SECRETARY"
    TECHNOLOGIST = "TECHNOLOGIST"
    RECEPTION = "RECEPTION"
    CLINICIAN = "CLINICIAN"
    REFERRER = "REFERRER"
    AUDITOR = "AUDITOR"
    IT = "IT"
    ADMINISTRATOR = "ADMINISTRATOR"


class Origin(models.TextChoices):
    """Who vouches for a user: this site by a password of its own, or a directory, which also gives the role."""

    LOCAL = "LOCAL"
    DIRECTORY = "DIRECTORY"


class SiteRole(models.Model):
    """A role that this site has made, or one of the ready set that it has changed; what is as it came has no row."""

    code = models.CharField(max_length=16, unique=True, validators=[RegexValidator(r"^[A-Z0-9_]{2,16}\Z")])
    name = models.CharField(max_length=64, blank=True)
    """Empty: the ready set's own word."""
    functions = models.JSONField(default=list)
    """Values of :class:`ris_core.accounts.rules.Function`; one that no longer exists gives nothing."""
    own_only = models.BooleanField(default=False)
    """Who has it sees only released exams whose order names them by their number; limits of the account narrow that."""
    active = models.BooleanField(default=True)
    """False once it has been withdrawn: no account gets it, and who has it may nothing."""
    changed_at = models.DateTimeField(auto_now=True)


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None, *, full_name: str, role: str) -> User:
        user = self.model(username=username, full_name=full_name, role=role)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person who logs in; the name is unique and has letters, digits and underscore (Q6)."""

    username = models.CharField(max_length=64, unique=True, validators=[RegexValidator(r"^[A-Za-z0-9_]{3,64}\Z")])
    full_name = models.CharField(max_length=255)
    title = models.CharField(max_length=64, blank=True)
    """Academic title before the name on a report: ``BS.``, ``ThS.BS.``, ``TS.BS.``."""
    role = models.CharField(max_length=16)
    """Code of a role in force (:mod:`ris_core.accounts.roles`)."""
    origin = models.CharField(max_length=16, choices=Origin, default=Origin.LOCAL)
    language = models.CharField(max_length=2, default="vi")
    theme = models.CharField(max_length=5, default="auto")
    images = models.CharField(max_length=6, default="auto")
    """How the viewer asks for frames: by the link's rate (``auto``), as ``stored``, compressed (``small``)."""
    department = models.CharField(max_length=128, blank=True)
    email = models.EmailField(blank=True)
    staff_code = models.CharField(max_length=64, blank=True)
    """Who it is in the hospital's list of staff (:class:`ris_core.catalogue.models.Staff`); empty: not known."""
    is_active = models.BooleanField(default=True)
    """False once the account has been withdrawn."""
    expires_at = models.DateTimeField(null=True, blank=True)
    """Nobody logs in with it from then on; none: it does not expire."""
    must_change_password = models.BooleanField(default=False)
    """Somebody else chose the password: it is changed before anything else."""
    password_changed_at = models.DateTimeField(null=True, blank=True)
    password_days = models.PositiveSmallIntegerField(null=True, blank=True)
    """After so many days the password is renewed; none: as the site's setting says, 0: never."""
    sessions_ended = models.PositiveIntegerField(default=0)
    """How often all sessions of the user were ended; part of what a session is recognised by."""
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["full_name", "role"]

    def is_open_at(self, now: datetime) -> bool:
        """Whether somebody may be logged in with it: neither withdrawn nor expired."""
        return self.is_active and (self.expires_at is None or now < self.expires_at)

    def get_session_auth_hash(self) -> str:
        """A session with another value is over: another password since, or all sessions ended (Q6)."""
        return self._session_hash(None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same under earlier secrets, while one is being exchanged."""
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(secret)

    def _session_hash(self, secret: str | bytes | None) -> str:
        value = f"{self.sessions_ended}|{self.password}"
        return salted_hmac("quang.accounts.session", value, secret=secret, algorithm="sha256").hexdigest()


class FormerPassword(models.Model):
    """The hash of a password that a user had: it is not taken again soon."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="former_passwords")
    encoded = models.CharField(max_length=128)
    replaced_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "-replaced_at"], name="former_passwords")]
