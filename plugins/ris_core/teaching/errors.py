"""Why a teaching case cannot be made, shown or changed."""

from __future__ import annotations

from collections.abc import Sequence

from ris_core.errors import InvalidValue, NotPermitted
from ris_core.teaching.traces import Trace


class TeachingInvalid(InvalidValue):
    """What is wanted of a teaching case cannot be; ``field`` names it."""

    code = "QUANG-6701"


class PatientNamed(InvalidValue):
    """The notes have the patient's name, a number, birth date, telephone or address in them: take it out.

    ``traces`` says what was found and where.
    """

    code = "QUANG-6702"

    def __init__(self, traces: Sequence[Trace]) -> None:
        super().__init__("the notes tell who the patient is", field=traces[0].field)
        self.traces = tuple(traces)


class CaseClosed(NotPermitted):
    """A teaching case is not shown: withdrawn, not given out yet, its patient wants it no more, or its exam's images or
    patient are not what they were when its pictures were made."""

    code = "QUANG-6703"
