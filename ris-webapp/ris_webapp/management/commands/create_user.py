"""Give somebody an account; the first administrator of a new installation gets theirs this way."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ris_core.accounts.models import Role, User
from ris_core.accounts.passwords import random_password
from ris_core.audit.services import Actor, record


class Command(BaseCommand):
    help = "Make a user with a random password, which is printed once and kept nowhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="3 to 64 letters, digits and underscores")
        parser.add_argument("full_name")
        parser.add_argument("role", choices=Role.values)
        parser.add_argument("--title", default="", help="academic title before the name on reports, such as ThS.BS.")

    def handle(self, *args: Any, **options: Any) -> None:
        password = random_password()
        names = {key: options[key] for key in ("username", "full_name", "role", "title")}
        user = User(**names)
        user.set_password(password)
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(
                "; ".join(f"{field}: {' '.join(said)}" for field, said in error.message_dict.items())
            ) from error
        user.save()
        record(Actor("manage.py"), "user.created", subject=f"user:{user.pk}", role=user.role)
        self.stdout.write(f"{user.username} {password}")
