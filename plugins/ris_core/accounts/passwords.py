"""What a password must have beyond Django's own checks (requirement Q6)."""

from __future__ import annotations

import secrets
import string

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

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


def random_password(length: int = 16) -> str:
    """A random password that passes every check of this module."""
    alphabet = string.ascii_letters + string.digits + "-_.+=@"
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(length))
        if all(any(kind(character) for character in password) for kind in _KINDS):
            return password
