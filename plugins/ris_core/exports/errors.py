"""Why exams cannot be given out as files."""

from __future__ import annotations

from ris_core.errors import InvalidValue, NotPermitted


class ExportInvalid(InvalidValue):
    """What is wanted of an export cannot be; ``field`` names it."""

    code = "QUANG-6401"


class NothingToExport(InvalidValue):
    """An exam has no images that may be shown: none yet, two patients' data meet in them, they were rejected, or
    are on their way to another patient or study."""

    code = "QUANG-6402"


class NoRoomForExport(InvalidValue):
    """Exports that are kept, or one alone, would need more room than the settings or the disk allow."""

    code = "QUANG-6403"


class ExportOutdated(NotPermitted):
    """Since the export was made, images or a report in it were changed, recalled or taken away: make it anew."""

    code = "QUANG-6404"


class ImagesUncorrected(NothingToExport):
    """Stored images of an exam could not be brought into line with their order: they may bear another patient's name.
    Have the correction tried again on the study's page."""

    code = "QUANG-6405"
