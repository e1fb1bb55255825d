"""Which file a stored image should be made from, where others came under its UID and persons have decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ris_core.studies.dicom_file import DicomFile, read_dicom_file
from ris_core.studies.elements import FileData
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import on_disk
from ris_core.studies.kept_copies import copy_pieces, keep_first
from ris_core.studies.models import CopyDecision, KeptCopy, Study
from ris_core.studies.wanted import copies_in


class CopiesOfStudy:
    """The copies that matter for the images of one study: its own, and those of studies whose images lie in it."""

    def __init__(self, study: Study) -> None:
        self._by_uid: defaultdict[str, list[KeptCopy]] = defaultdict(list)
        for copy in copies_in(study).order_by("pk"):
            self._by_uid[copy.sop_instance_uid].append(copy)

    def with_own_uid(self) -> list[KeptCopy]:
        """Copies that are or were stored beside."""
        every = (copy for copies in self._by_uid.values() for copy in copies)
        return [copy for copy in every if copy.new_sop_instance_uid]

    def chosen(self, sop_instance_uid: str, there: DicomFile, data: FileData) -> DicomFile:
        """``there`` (read from ``data``), unless a person wants another file under its UID or has undone that.

        The file that goes is kept before the one that comes is given.
        """
        copies = self._by_uid.get(sop_instance_uid, ())
        for copy in copies:
            if copy.decision == CopyDecision.REPLACE:
                wanted = on_disk(copy_pieces(copy))
                if difference(data, wanted) is None:
                    return there
                keep_first(copy, self._stored_first(copies, data) or data)
                return read_dicom_file(wanted)
        first = self._stored_first(copies, data)
        return read_dicom_file(first) if first is not None else there

    @staticmethod
    def _stored_first(copies: Iterable[KeptCopy], data: FileData) -> FileData | None:
        """The file that a copy had replaced, where ``data`` is that copy; also when another one follows it at once."""
        for copy in copies:
            if copy.first_is_kept and difference(data, on_disk(copy_pieces(copy))) is None:
                return on_disk(copy_pieces(copy, first=True))
        return None
