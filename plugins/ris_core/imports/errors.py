"""Why images from outside cannot be taken in."""

from __future__ import annotations

from ris_core.errors import IdentityConflict, InvalidValue


class ImportInvalid(InvalidValue):
    """What is handed in or decided cannot be; ``field`` names it."""

    code = "QUANG-6501"


class ImportTooLarge(InvalidValue):
    """What is handed in, or what comes out of it when it is unpacked, is more than an import may be."""

    code = "QUANG-6502"


class UploadOutOfStep(InvalidValue):
    """A piece of a file begins elsewhere than where the file ends now; ask how much is there and go on from it."""

    code = "QUANG-6503"


class OtherPerson(IdentityConflict):
    """Birth date or sex in the images contradict those of the chosen patient: nobody may say that they are one."""

    code = "QUANG-6504"
