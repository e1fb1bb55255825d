"""Why something is not shown."""

from __future__ import annotations

from ris_core.errors import NotPermitted


class OutOfSight(NotPermitted):
    """The exam, patient or page lies outside what the user may see; in an emergency it is opened with a reason."""

    code = "QUANG-6010"
