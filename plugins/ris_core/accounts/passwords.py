"""What a password must have beyond Django's own checks (requirement Q6)."""

from __future__ import annotations

import secrets
import string

from django.contrib.auth.hashers import check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ris_core.accounts.models import FormerPassword, User

_SPECIAL = string.punctuation
_KINDS = (str.islower, str.isupper, str.isdigit, lambda character: character in _SPECIAL)


class MixedCharactersValidator:
    """A password has a lower-case and an upper-case letter, a digit and a special character."""

    def validate(self, password: str, user: object = None) -> None:
        """:raises ValidationError: naming all four kinds when one is missing"""
        if not all(any(kind(character) for character in password) for kind in _KINDS):
            raise ValidationError(self.get_help_text(), code="password_not_mixed")

    def get_help_text(self) -> str:
        return _("Mật khẩu phải có chữ thường, chữ hoa, chữ số và ký tự đặc biệt.")


class NotUsedBeforeValidator:
    """A password is neither the present one nor one of the last ``remembered`` of the user.

    :param remembered: how many former passwords are looked at
    """

    def __init__(self, remembered: int = 5) -> None:
        self.remembered = remembered

    def validate(self, password: str, user: object = None) -> None:
        """:raises ValidationError: when the user had it"""
        if not isinstance(user, User) or user.pk is None:
            return
        stored = User.objects.filter(pk=user.pk).values_list("password", flat=True)
        former = FormerPassword.objects.filter(user=user).order_by("-replaced_at", "-pk")
        for encoded in (*stored, *former.values_list("encoded", flat=True)[: self.remembered]):
            if check_password(password, encoded):
                raise ValidationError(self.get_help_text(), code="password_used_before")

    def get_help_text(self) -> str:
        return _("Không dùng lại mật khẩu hiện tại hoặc %(count)s mật khẩu gần đây.") % {"count": self.remembered}


def random_password(length: int = 16) -> str:
    """A random password that passes every check of this module."""
    alphabet = string.ascii_letters + string.digits + "-_.+=@"
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(length))
        if all(any(kind(character) for character in password) for kind in _KINDS):
            return password
