"""Short messages by the HTTP gateway of a telephone company: how it wants them is settings, not code."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec

from ris_core.errors import InvalidValue
from ris_core.outbox.errors import NotAcknowledged
from ris_core.settings import Settings
from ris_core.webhooks.sending import post_message

_TELLING: Final = re.compile(r"[A-Za-z0-9_-]{6,}", re.ASCII)
_TOKEN: Final = "sms_token"  # noqa: S105 - the name of a file


def send(number: str, text: str, control_id: str, settings: Settings) -> bytes:
    """Hand one message to the gateway; its answer, as kept for people: without the words of the message, which
    gateways repeat, since nobody keeps a link or a code.

    :param control_id: the same at every attempt, for gateways that know repeats
    :raises InvalidValue: no gateway is set
    :raises QuangError: as :func:`ris_core.webhooks.sending.post_message`
    """
    sms = settings.sms
    if not sms.url:
        raise InvalidValue("no SMS gateway is set: write sms.url into the settings", field="sms.url")
    fields = {**dict(parse_qsl(sms.fixed_fields)), sms.to_field: number, sms.text_field: text}
    if sms.id_field:
        fields[sms.id_field] = control_id
    if sms.body == "json":
        body, media_type = msgspec.json.encode(fields), "application/json"
    else:
        body, media_type = urlencode(fields).encode(), "application/x-www-form-urlencoded"
    headers = {"Content-Type": media_type}
    if sms.authorization:
        headers["Authorization"] = f"{sms.authorization} {settings.secret(_TOKEN)}"
    try:
        return _without_words(post_message(sms.url, headers, body, settings), text)
    except NotAcknowledged as error:
        error.answer = _without_words(error.answer, text)
        raise


def _without_words(answer: bytes, text: str) -> bytes:
    """However the answer writes the text: links' secrets and codes are plain in JSON, XML and forms."""
    status, _, content = answer.partition(b"\r\n")
    for word in sorted(_TELLING.findall(text), key=len, reverse=True):
        content = content.replace(word.encode(), b"*")
    return status + b"\r\n" + content
