"""Register and change receivers of results, and try how a message to one looks and whether it is taken."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction

from ris_core.audit.services import Actor, record
from ris_core.delivery.formats import BY_NAME, callback_secret
from ris_core.delivery.layout import layout_data, layout_of
from ris_core.delivery.models import FirstStatus, Receiver, ResultFormat, ResultRule
from ris_core.delivery.oru import VERSIONS
from ris_core.delivery.sample import sample_result
from ris_core.errors import InvalidValue, NotFound, QuangError
from ris_core.webhooks.rules import parsed_address

MOST_RULES = 50
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One rule of a receiver; an empty condition lets everything through."""

    source: str = ""
    requesting_department: str = ""
    modality: str = ""
    service_code: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.source or self.requesting_department or self.modality or self.service_code)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverRegistration:
    """What is known of a receiver.

    :raises InvalidValue: naming the field that cannot be so
    :raises AddressRefused: nothing may be posted to its address
    """

    code: str
    name: str
    format: str = ResultFormat.ORU
    host: str = ""
    port: int = 0
    url: str = ""
    application: str = "HIS"
    facility: str = ""
    hl7_version: str = "2.5.1"
    source: str = ""
    first_status: str = FirstStatus.PRELIMINARY
    only_newest: bool = False
    signed_only: bool = False
    layout: dict[str, Any] = field(default_factory=dict)
    rules: tuple[Wanted, ...] = ()
    active: bool = True

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise InvalidValue("a code has letters, digits, hyphen and underscore", field="code")
        if not self.name.strip():
            raise InvalidValue("a receiver needs a name", field="name")
        if self.format not in BY_NAME:
            raise InvalidValue("there is no such format", field="format")
        if self.hl7_version not in VERSIONS:
            raise InvalidValue("results cannot be sent in this version", field="hl7_version")
        if self.first_status not in FirstStatus.values:
            raise InvalidValue("there is no such status", field="first_status")
        if len(self.rules) > MOST_RULES or any(rule.is_empty for rule in self.rules):
            raise InvalidValue(f"at most {MOST_RULES} rules, each with a condition", field="rules")
        if BY_NAME[self.format].over_http:
            parsed_address(self.url, settings.QUANG.webhooks.plain_hosts.split())
        elif not self.host.strip() or any(c.isspace() for c in self.host):
            raise InvalidValue("say at which host it listens", field="host")
        elif not 0 < self.port < 65536:
            raise InvalidValue("a port is a number from 1 to 65535", field="port")
        layout_of(self.layout)

    def values(self) -> dict[str, Any]:
        """The columns of its row, without the code."""
        names = (
            "name", "format", "host", "port", "url", "application", "facility", "hl7_version", "source", "first_status",
            "only_newest", "signed_only", "active",
        )  # fmt: skip
        return {**{name: getattr(self, name) for name in names}, "layout": layout_data(layout_of(self.layout))}


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a test message."""

    message: bytes
    answer: bytes = b""
    error: QuangError | None = None


def register_receiver(registration: ReceiverRegistration, actor: Actor) -> Receiver:
    """A new receiver: what is approved from now on is owed to it.

    :raises InvalidValue: the code is taken
    """
    try:
        with transaction.atomic():
            receiver = Receiver.objects.create(code=registration.code, **registration.values())
            _replace_rules(receiver, registration)
            _tell(receiver, actor, "registered")
    except IntegrityError as error:
        raise InvalidValue("another receiver has this code", field="code") from error
    return receiver


@transaction.atomic
def change_receiver(receiver_id: int, registration: ReceiverRegistration, actor: Actor) -> Receiver:
    """Replace what is known of a receiver; its code stays, and so does what it is owed already.

    :raises NotFound: no such receiver
    """
    receiver = _locked(receiver_id)
    for name, value in registration.values().items():
        setattr(receiver, name, value)
    receiver.save()
    _replace_rules(receiver, registration)
    _tell(receiver, actor, "changed")
    return receiver


@transaction.atomic
def replace_callback_secret(receiver_id: int, actor: Actor) -> str:
    """A new secret: the next callback is signed with it.

    :raises NotFound: no such receiver
    """
    receiver = _locked(receiver_id)
    receiver.key_number += 1
    receiver.save(update_fields=["key_number"])
    _tell(receiver, actor, "secret_replaced")
    return callback_secret(receiver, settings.QUANG)


def preview(registration: ReceiverRegistration, state: str) -> bytes:
    """The message that a receiver of this registration would get of an example in ``state`` (P, F, C or R)."""
    receiver = Receiver(code=registration.code, **registration.values())
    return _composed(receiver, state, "PREVIEW", test=False)


def send_test(receiver_id: int, state: str, actor: Actor) -> Trial:
    """Send an example, marked as a trial, and tell what the receiver answered. It is in no outbox and not repeated.

    :raises NotFound: no such receiver
    """
    receiver = Receiver.objects.filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver", field="receiver")
    control_id = f"QT{secrets.token_hex(9)}"
    message = _composed(receiver, state, control_id, test=True)
    try:
        trial = Trial(message, BY_NAME[receiver.format].exchange(receiver, control_id, message, settings.QUANG))
    except QuangError as error:
        trial = Trial(message, getattr(error, "answer", b""), error)
    _tell(receiver, actor, "tested", success=trial.error is None, control_id=control_id)
    return trial


def _composed(receiver: Receiver, state: str, control_id: str, *, test: bool) -> bytes:
    now = datetime.now(ZoneInfo(settings.QUANG.site.time_zone))
    result = sample_result(receiver, state, control_id, now, settings.QUANG, test=test)
    return BY_NAME[receiver.format].compose(result, receiver)


def _locked(receiver_id: int) -> Receiver:
    receiver = Receiver.objects.select_for_update().filter(pk=receiver_id).first()
    if receiver is None:
        raise NotFound("there is no such receiver", field="receiver")
    return receiver


def _replace_rules(receiver: Receiver, registration: ReceiverRegistration) -> None:
    receiver.rules.all().delete()
    ResultRule.objects.bulk_create(
        ResultRule(
            receiver=receiver,
            source=rule.source,
            requesting_department=rule.requesting_department,
            modality=rule.modality,
            service_code=rule.service_code,
        )
        for rule in registration.rules
    )


def _tell(receiver: Receiver, actor: Actor, what: str, *, success: bool = True, **details: Any) -> None:
    subject = f"receiver:{receiver.pk}"
    record(actor, f"receiver.{what}", subject=subject, success=success, code=receiver.code, **details)
