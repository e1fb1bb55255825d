"""Every format in which a result can be sent, in one explicit tuple. To add one: its name in
:class:`~ris_core.delivery.models.ResultFormat`, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ris_core.delivery import callback, fhir, mdm, oru
from ris_core.delivery.models import Receiver, ResultFormat
from ris_core.delivery.result import Result
from ris_core.errors import InvalidValue, SettingsInvalid
from ris_core.identifier_systems import order_system, patient_system
from ris_core.outbox.mllp import exchange as exchange_hl7
from ris_core.settings import Settings
from ris_core.webhooks.keys import signing_secret
from ris_core.webhooks.sending import post, post_message


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of receiver is written to."""

    name: ResultFormat
    over_http: bool
    """Whether its address is a URL, and not host and port."""
    compose: Callable[[Result, Receiver], bytes]
    """The message. :raises InvalidValue: it cannot be written for this receiver"""
    exchange: Callable[[Receiver, str, bytes, Settings], bytes]
    """Sends it under a control id; the acknowledgement as kept for people.

    :raises QuangError: see :mod:`ris_core.outbox.errors`
    """


def _compose_oru(result: Result, receiver: Receiver) -> bytes:
    _refuse_other_version(receiver)
    return oru.compose(result)


def _compose_mdm(result: Result, receiver: Receiver) -> bytes:
    _refuse_other_version(receiver)
    return mdm.compose(result)


def _refuse_other_version(receiver: Receiver) -> None:
    if receiver.hl7_version not in oru.VERSIONS:
        raise InvalidValue(f"results cannot be sent in HL7 version {receiver.hl7_version}", field="MSH-12")


def _exchange_hl7(receiver: Receiver, control_id: str, message: bytes, settings: Settings) -> bytes:
    return exchange_hl7(receiver.host, receiver.port, message, control_id, settings.delivery)


def _compose_fhir(result: Result, receiver: Receiver) -> bytes:
    def system(kind: str) -> str:
        return order_system(kind, receiver.source if kind == "placer" else "")

    return fhir.compose(result, fhir.Systems(lambda each: patient_system(each.kind, each.issuer), system))


def _exchange_fhir(receiver: Receiver, _control_id: str, message: bytes, settings: Settings) -> bytes:
    headers = {"Content-Type": fhir.CONTENT_TYPE, "Accept": fhir.CONTENT_TYPE}
    token = bearer_token(receiver, settings)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return post_message(receiver.url, headers, message, settings)


def bearer_token(receiver: Receiver, settings: Settings) -> str:
    """What a FHIR server asks for: the secret file ``receiver_token_<code>``; empty when there is none."""
    try:
        return settings.secret(f"receiver_token_{receiver.code}")
    except SettingsInvalid:
        return ""


def _compose_callback(result: Result, _receiver: Receiver) -> bytes:
    return callback.compose(result)


def _exchange_callback(receiver: Receiver, control_id: str, message: bytes, settings: Settings) -> bytes:
    return post(receiver.url, callback_secret(receiver, settings), control_id, callback.EVENT, message, settings)


def callback_secret(receiver: Receiver, settings: Settings) -> str:
    """By which a receiver knows that a callback is ours."""
    return signing_secret(f"receiver:{receiver.pk}", receiver.key_number, settings)


FORMATS: tuple[Format, ...] = (
    Format(ResultFormat.ORU, False, _compose_oru, _exchange_hl7),
    Format(ResultFormat.MDM, False, _compose_mdm, _exchange_hl7),
    Format(ResultFormat.FHIR, True, _compose_fhir, _exchange_fhir),
    Format(ResultFormat.CALLBACK, True, _compose_callback, _exchange_callback),
)
BY_NAME = {each.name.value: each for each in FORMATS}


def format_of(receiver: Receiver) -> Format:
    """:raises InvalidValue: the receiver is set to a format that there is not"""
    found = BY_NAME.get(receiver.format)
    if found is None:
        raise InvalidValue(f"results cannot be sent as {receiver.format}", field="format")
    return found
