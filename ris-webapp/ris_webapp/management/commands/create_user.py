"""Give somebody an account; the first administrator of a new installation gets theirs this way."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ris_core.accounts.models import Role
from ris_core.accounts.services import Account, open_account
from ris_core.audit.services import Actor
from ris_core.errors import InvalidValue
from ris_webapp.management.command import SuiteCommand


class Command(SuiteCommand):
    help = "Open an account; its first password is printed once, kept nowhere, and changed at the first login."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="3 to 64 letters, digits and underscores")
        parser.add_argument("full_name")
        parser.add_argument("role", help=f"one of {', '.join(Role.values)}, or one that this site has made")
        parser.add_argument("--title", default="", help="academic title before the name on reports, such as ThS.BS.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account(**{key: options[key] for key in ("username", "full_name", "role", "title")})
        try:
            user, password = open_account(account, Actor("manage.py"))
        except InvalidValue as error:
            raise CommandError(f"{error.field}: {error.detail}") from error
        self.stdout.write(f"{user.username} {password}")
