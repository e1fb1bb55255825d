"""The command that makes accounts."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ris_core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_an_account_is_made_with_a_password_that_is_shown_once() -> None:
    out = StringIO()
    call_command("create_user", "quan_tri", "Quản trị hệ thống", "ADMINISTRATOR", stdout=out)
    name, password = out.getvalue().split()
    user = User.objects.get(username=name)
    assert user.check_password(password)
    assert password not in user.password


@pytest.mark.parametrize("name", ["a", "có dấu", "x y", "a;b", "x" * 65])
def test_names_have_letters_digits_and_underscores_only(name: str) -> None:
    with pytest.raises(CommandError):
        call_command("create_user", name, "Ai đó", "RADIOLOGIST")
    assert not User.objects.exists()


def test_a_name_is_given_once() -> None:
    call_command("create_user", "bacsi", "Bác sĩ", "RADIOLOGIST", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("create_user", "bacsi", "Bác sĩ khác", "RADIOLOGIST")
