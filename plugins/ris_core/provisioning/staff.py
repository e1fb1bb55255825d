"""Accounts that follow the HIS's list of staff (MFN^M02), where the sender's profile says so (P17).

A record of staff opens an account once, with the role that the profile gives its kind: never one that manages accounts
or the system. Later records bring name, title and department up to date, close the account and give it back, unless a
person closed it; its role is this site's from then on. Accounts that a person opened are not touched, whatever their
number. The first password is an administrator's to give: nobody is told one by a message.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.hashers import make_password
from django.db import transaction

from ris_core.accounts.importing import user_name_from
from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.accounts.services import (
    Account,
    FirstPassword,
    change_account,
    open_account,
    restore_account,
    withdraw_account,
)
from ris_core.audit.services import Actor, record
from ris_core.catalogue.models import Department, Staff
from ris_core.errors import QuangError
from ris_core.provisioning.models import ProvisionedAccount

FORBIDDEN = (Function.MANAGE_ACCOUNTS, Function.ADMINISTER)


def follow_staff(code: str, coding_system: str, sender: str, roles: Mapping[str, str], actor: Actor) -> None:
    """Bring the account of one entry of the list up to date; what cannot be done is written down, and the entry stays.

    :param roles: code of the role by kind of staff; a kind that is not named gets no account
    """
    staff = Staff.objects.filter(code=code, coding_system=coding_system).first()
    if staff is None or not roles:
        return
    try:
        with transaction.atomic():
            _follow(staff, f"hl7:{sender}", roles, actor)
    except QuangError as error:
        record(actor, "user.not_made", subject=f"staff:{staff.pk}", success=False, code=error.code, reason=error.detail)


def _follow(staff: Staff, source: str, roles: Mapping[str, str], actor: Actor) -> None:
    number = f"{staff.coding_system}|{staff.code}"
    known = ProvisionedAccount.objects.select_for_update().filter(source=source, external_id=number).first()
    if known is None:
        _open(staff, source, number, roles.get(staff.kind, ""), actor)
        return
    user = User.objects.get(pk=known.user_id)
    if may(user.role, Function.MANAGE_ACCOUNTS):  # made an administrator here since: this site's own business
        return
    change_account(user.pk, _account(staff, user.username, user.role, user), actor)
    if known.wanted == staff.active:
        return
    known.wanted = staff.active
    known.version += 1
    if not staff.active and user.is_active:
        withdraw_account(user.pk, f"HIS {source.removeprefix('hl7:')}", actor)
        known.opened = False
    elif staff.active and not user.is_active and not known.opened:
        restore_account(user.pk, actor)
        known.opened = True
    known.save()


def _open(staff: Staff, source: str, number: str, role: str, actor: Actor) -> None:
    if not staff.active or not role or any(may(role, function) for function in FORBIDDEN):
        return
    if User.objects.filter(staff_code=staff.code).exists():  # opened by a person
        return
    account = _account(staff, user_name_from(staff.code), role, None)
    user, _none = open_account(account, actor, FirstPassword("", make_password(None)))
    ProvisionedAccount.objects.create(
        user=user, source=source, user_name=user.username, external_id=number, opened=True
    )


def _account(staff: Staff, username: str, role: str, user: User | None) -> Account:
    department = Department.objects.filter(code=staff.department_code).values_list("name", flat=True).first()
    return Account(
        username=username,
        full_name=staff.name,
        role=role,
        title=staff.title,
        department=department or staff.department_code,
        email=user.email if user else "",
        staff_code=staff.code,
        expires_at=user.expires_at if user else None,
        password_days=user.password_days if user else None,
    )
