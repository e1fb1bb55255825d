"""Errors of the domain as answers to a sender: which code, which place, and whether a person has to decide."""

from __future__ import annotations

from collections.abc import Mapping

from ris_core.errors import IdentityConflict, InvalidValue, QuangError, TransitionRefused
from ris_core.hl7.acknowledgement import ErrorCode, MessageRefused
from ris_core.intake.places import Places, Segments
from ris_core.intake.values import place_of
from ris_core.orders.errors import OrderExists, UnknownOrder
from ris_core.patients.errors import IdentifierTaken, MergeRefused, UnknownPatient

_ERROR_CODES: dict[type[QuangError], ErrorCode] = {
    UnknownOrder: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    UnknownPatient: ErrorCode.UNKNOWN_KEY_IDENTIFIER,
    OrderExists: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    IdentityConflict: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    IdentifierTaken: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    MergeRefused: ErrorCode.DUPLICATE_KEY_IDENTIFIER,
    TransitionRefused: ErrorCode.APPLICATION_RECORD_LOCKED,
    InvalidValue: ErrorCode.DATA_TYPE_ERROR,
}

_A_PERSON_DECIDES = (IdentityConflict, IdentifierTaken, MergeRefused)
"""Who is who cannot be settled by the sender alone: the message is held."""


def refusal_of(error: QuangError, places: Mapping[str, Places], segments: Segments) -> MessageRefused:
    """What is answered when ``error`` comes of a message.

    :param places: where in a message each field of the domain stands
    """
    if isinstance(error, MessageRefused):
        return error
    code = next((code for kind, code in _ERROR_CODES.items() if isinstance(error, kind)), ErrorCode.DATA_TYPE_ERROR)
    if error.field == "service_code" and isinstance(error, InvalidValue):
        code = ErrorCode.TABLE_VALUE_NOT_FOUND
    place = place_of(places.get(error.field, ()), segments)
    return MessageRefused(
        f"{place[0]}: {error.detail}" if place else error.detail,
        error=code,
        location=place[1] if place else None,
        held=isinstance(error, _A_PERSON_DECIDES),
        code=error.code,
    )
