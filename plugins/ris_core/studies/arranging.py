"""Bring the files of a study in the engine into line with what they should be (:mod:`ris_core.studies.wanted`).

May be killed at any point and run again: no image is deleted before the digest of its successor has been read back from
the engine. What the engine does (measured, see the ADR on corrections): it keeps what it has when the same instance
comes again, and its identifiers depend on PatientID and the UIDs. So

* an image whose identifier changes is stored anew, and taken away at its old place when the study's row has moved on;
* an image whose identifier stays is stored a second time under another SOPInstanceUID, deleted, stored as it should
  be, and the copy is deleted. The row :class:`ImageInHand` tells of the copy after a crash.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import record
from ris_core.changes.services import announce
from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.engine.transport import Level
from ris_core.errors import QuangError
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.notices.services import notify
from ris_core.studies.copies_of_study import CopiesOfStudy
from ris_core.studies.dicom_file import SOP_INSTANCE_UID, DicomFile, read_dicom_file
from ris_core.studies.elements import FileData, HeaderIncomplete, HeaderUnreadable
from ris_core.studies.engine_ids import SERIES_INSTANCE_UID, EngineIds, engine_ids
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import on_disk, stored_file, upload
from ris_core.studies.kept_copies import NoRoomForCopy, copy_pieces, is_kept, keep_copy
from ris_core.studies.links import AUTO_MAPPING
from ris_core.studies.models import CopyDecision, ImageInHand, Study, StudyPlace
from ris_core.studies.operations_under_way import end_operations, merge_of, operations_waiting_for
from ris_core.studies.received import ENGINE_TAGS, header_from_json
from ris_core.studies.rewriting import Note, as_received, rewritten
from ris_core.studies.wanted import STUDY_INSTANCE_UID, Plan, plan_for


class Problem(StrEnum):
    """Why files are not as they should be. Nothing is deleted then: a person decides."""

    OTHER_PIXELS = "OTHER_PIXELS"
    """Another image came under a stored one's UID, and there is no room to keep it aside; the engine has both."""
    IDENTIFIER_TAKEN = "IDENTIFIER_TAKEN"
    """Another study lies where this one's images would."""
    UNREADABLE = "UNREADABLE"
    """A file's structure makes no sense to us."""
    FAILED = "FAILED"
    """Tried until the job was given up; its last error is with the job."""


def tell_of_problem(study: Study) -> None:
    """Who reads the study, or opens its patient, is told that its images do not say what its order says."""
    notify("images_not_corrected", study_id=study.pk)


class NotStored(QuangError):
    """The engine has not stored what it was given, or cannot prove it; nothing was deleted."""

    code = "QUANG-4111"


@dataclass(frozen=True, slots=True)
class _Moved:
    """An image that lies at its new place already and still at its old one."""

    found: EngineInstance
    old_study: OrthancId
    new: EngineIds


def arrange(engine: Engine, study: Study) -> None:
    """Change what must be changed in the files of ``study``, and have the rows follow.

    :raises NotStored: the engine refuses a file; what was begun is finished when this is called again
    """
    _Arranger(engine, study).run()


class _Arranger:
    """One run for one study row, and for the rows that images of it belong to."""

    def __init__(self, engine: Engine, study: Study) -> None:
        self._engine = engine
        self._study = study
        self._rows: dict[int, Study] = {study.pk: study}
        self._plans: dict[int, Plan] = {}
        self._under_way = [(operation.pk, operation.state) for operation in operations_waiting_for(study)]
        """Begun before any plan is read, so that what this run does, it does for them too."""
        self._lies_at: defaultdict[int, Counter[OrthancId]] = defaultdict(Counter)
        """Row → how many images that belong to it the engine keeps where."""
        self._seen: dict[OrthancId, OrthancId] = {}
        """Image → study in which this run has seen or put it. What arrives meanwhile is not among them."""
        self._moved: list[_Moved] = []
        self._received: set[int] = set()
        """Rows that images have been put into."""
        self._changed = 0
        self._problems: set[Problem] = set()
        self._unreadable: list[str] = []
        self._copies: CopiesOfStudy
        self._note = Note(timezone.now(), study.remote_ae_title)

    def run(self) -> None:
        self._study.refresh_from_db()
        _mark(self._study, being_arranged=True)
        places = self._places()
        self._let_follow_merge(places)
        self._plan(self._study)  # before the copies: what is decided between the two makes another run
        self._copies = CopiesOfStudy(self._study)
        self._finish_image_in_hand(places)
        for place in places:
            for found in self._engine.instances(place):
                self._seen[found.orthanc_id] = place
                self._arrange(place, found)
        self._store_beside()
        if not self._problems:
            self._move_rows()
            self._leave_old_places()
        self._refresh_answers()
        self._finish()

    def _places(self) -> list[OrthancId]:
        known = self._study.places.values_list("orthanc_id", flat=True)
        return [OrthancId(place) for place in sorted({self._study.orthanc_id, *known})]

    def _let_follow_merge(self, places: Collection[OrthancId]) -> None:
        """Of a study that has gone into another, series that nobody saw then, or that came since, go there too."""
        if merge_of(self._study) is None:
            return
        found = {uid for place in places for uid in self._series_at(place)}
        with transaction.atomic():
            Study.objects.select_for_update().get(pk=self._study.pk)  # as who undoes the merge does
            merge = merge_of(self._study)
            target = merge.other_study if merge is not None else None
            while target is not None and (further := merge_of(target)) is not None:
                target = further.other_study
            if merge is None or target is None:
                return
            placed = self._study.placements_away.filter(undone=False, sop_instance_uid="")
            for uid in sorted(found - set(placed.values_list("series_instance_uid", flat=True))):
                merge.placements.create(origin=self._study, target=target, series_instance_uid=uid)

    def _series_at(self, place: OrthancId) -> set[str]:
        try:
            keys = self._engine.study(place).series_ids
            return {self._engine.series(key).series_instance_uid for key in keys}
        except NotInEngine:
            return set()

    def _arrange(self, place: OrthancId, found: EngineInstance) -> None:
        try:
            data = self._file(found.orthanc_id)
            there = read_dicom_file(data)
            file = self._copies.chosen(found.sop_instance_uid, there, data)
            owner = self._owner(file)
            uid = {STUDY_INSTANCE_UID: owner.study_instance_uid}
            target = rewritten(file, {**self._plan(owner).wanted, **uid}, self._note)
        except (HeaderUnreadable, HeaderIncomplete):
            if found.orthanc_id not in self._study.files_left:
                self._problems.add(Problem.UNREADABLE)
                self._unreadable.append(found.orthanc_id)
            return
        new = engine_ids(target)
        self._lies_at[owner.pk][new.study] += 1
        if new.instance != found.orthanc_id:
            self._store_elsewhere(owner, target, _Moved(found, place, new))
        elif target is not there:
            self._replace(found, target)

    def _owner(self, file: DicomFile) -> Study:
        """The row that the image belongs to: the one it came with, unless a person has put it elsewhere."""
        series, instance = file.text(SERIES_INSTANCE_UID), file.text(SOP_INSTANCE_UID)
        came_with = as_received(file).text(STUDY_INSTANCE_UID)
        origin = self._study
        if came_with != origin.study_instance_uid:
            # two patients may have come under one StudyInstanceUID: the one whose images were put here
            origins = Study.objects.filter(
                study_instance_uid=came_with,
                placements_away__series_instance_uid=series,
                placements_away__target=self._study,
            ).order_by("pk")
            origin = self._row((origins.first() or origin).pk)
        return self._row(self._plan(origin).owner(series, instance))

    def _row(self, study_id: int) -> Study:
        if study_id not in self._rows:
            self._rows[study_id] = Study.objects.get(pk=study_id)
            _mark(self._rows[study_id], being_arranged=True)
        return self._rows[study_id]

    def _plan(self, study: Study) -> Plan:
        if study.pk not in self._plans:
            self._plans[study.pk] = plan_for(study)
        return self._plans[study.pk]

    # images whose identifier changes

    def _store_elsewhere(self, owner: Study, target: DicomFile, move: _Moved) -> None:
        if not _claim_place(owner, move.new.study):
            self._problems.add(Problem.IDENTIFIER_TAKEN)
        elif self._stored(target):
            self._keep_instance_attachments(move.new.instance, move.found)
            self._seen[move.new.instance] = move.new.study
            self._moved.append(move)
            self._received.add(owner.pk)
        else:
            self._keep_aside(move.found.orthanc_id, self._file(move.new.instance))

    def _keep_aside(self, orthanc_id: OrthancId, stored: FileData) -> None:
        """Another image under the UID of ``stored`` is kept as a copy; then the engine need not have it."""
        data = self._file(orthanc_id)
        uid = read_dicom_file(stored).text(SOP_INSTANCE_UID)
        what = difference(stored, data)
        if what is not None and not is_kept(data, uid):
            try:
                keep_copy(data, uid, OrthancId(self._study.orthanc_id), what, self._study.remote_ae_title)
            except NoRoomForCopy:
                self._problems.add(Problem.OTHER_PIXELS)
                return
        self._engine.delete_instance(orthanc_id)
        self._seen.pop(orthanc_id, None)

    def _store_beside(self) -> None:
        """Copies that a person wants stored too lie under UIDs of their own, and no longer than that is wanted."""
        for copy in self._copies.with_own_uid():
            try:
                file = read_dicom_file(on_disk(copy_pieces(copy)))
            except (HeaderUnreadable, HeaderIncomplete):  # a person has decided so, and may undo it
                self._problems |= {Problem.UNREADABLE} if copy.decision == CopyDecision.BESIDE else set()
                continue
            renamed = file.under_sop_instance_uid(copy.new_sop_instance_uid)
            owner = self._owner(renamed)
            if owner.pk != self._study.pk:  # the run for that study sees whether it lies there
                continue
            uid = {STUDY_INSTANCE_UID: owner.study_instance_uid}
            target = rewritten(renamed, {**self._plan(owner).wanted, **uid}, self._note)
            new = engine_ids(target)
            lies_there = new.instance in self._seen
            if (copy.decision == CopyDecision.BESIDE) == lies_there:
                continue
            if lies_there:
                self._engine.delete_instance(new.instance)
                del self._seen[new.instance]
            elif not _claim_place(owner, new.study):
                self._problems.add(Problem.IDENTIFIER_TAKEN)
            elif self._stored(target):
                self._seen[new.instance] = new.study
                self._lies_at[owner.pk][new.study] += 1
                self._received.add(owner.pk)
            self._changed += 1

    def _move_rows(self) -> None:
        for study_id, places in self._lies_at.items():
            row, ((place, _),) = self._rows[study_id], places.most_common(1)
            if row.orthanc_id != place:
                _claim_place(row, OrthancId(row.orthanc_id))
                _mark(row, orthanc_id=place)

    def _leave_old_places(self) -> None:
        for move in {move.new.series: move for move in self._moved}.values():
            self._keep_attachments("studies", move.old_study, move.new.study)
            self._keep_attachments("series", move.found.series_id, move.new.series)
        for move in self._moved:
            self._engine.delete_instance(move.found.orthanc_id)
            self._seen.pop(move.found.orthanc_id, None)

    def _refresh_answers(self) -> None:
        """The engine answers queries with what its first file of a study said: make it say what all say now."""
        for study_id, places in self._lies_at.items():
            row, plan = self._rows[study_id], self._plan(self._rows[study_id])
            header = header_from_json(row.as_received).restated(row.restated)
            for place in places:
                try:
                    answered = self._engine.study(place).main_tags
                except NotInEngine:  # a problem kept the images from going there
                    continue
                expected = {keyword: header.text(tag) for keyword, tag in ENGINE_TAGS.items()}
                expected |= {
                    keyword: str(plan.wanted[int(tag, 16)])
                    for keyword, tag in ENGINE_TAGS.items()
                    if int(tag, 16) in plan.wanted
                }
                if any(answered.get(keyword, "").strip() != text.strip() for keyword, text in expected.items()):
                    self._engine.reconstruct_study(place)

    # images whose identifier stays

    def _replace(self, found: EngineInstance, target: DicomFile) -> None:
        hand = ImageInHand.objects.create(
            study=self._study,
            sop_instance_uid=found.sop_instance_uid,
            copy_sop_instance_uid=f"2.25.{uuid.uuid4().int}",
            labels=list(found.labels),
            metadata=dict(found.metadata),
        )
        copy = target.under_sop_instance_uid(hand.copy_sop_instance_uid)
        if not self._stored(copy):
            raise NotStored("the engine has another image under a fresh UID")
        self._engine.delete_instance(found.orthanc_id)
        self._put_back(hand, target, engine_ids(copy).instance)

    def _finish_image_in_hand(self, places: list[OrthancId]) -> None:
        """What a run that was killed had in hand: its copy is the image as it should be."""
        for hand in ImageInHand.objects.filter(study=self._study):
            found = {image.sop_instance_uid: image for place in places for image in self._engine.instances(place)}
            copy, original = found.get(hand.copy_sop_instance_uid), found.get(hand.sop_instance_uid)
            if copy is None:
                hand.delete()
                continue
            file = read_dicom_file(self._file(copy.orthanc_id))
            target = file.under_sop_instance_uid(hand.sop_instance_uid)
            if original is not None:
                there, wanted = self._file(original.orthanc_id), on_disk(upload(target))
                if difference(there, wanted) is not None:
                    self._keep_aside(original.orthanc_id, wanted)
                elif read_dicom_file(there).elements != target.elements:
                    self._engine.delete_instance(original.orthanc_id)
            self._put_back(hand, target, copy.orthanc_id)

    def _put_back(self, hand: ImageInHand, target: DicomFile, copy_id: OrthancId) -> None:
        if not self._stored(target):  # a device has sent another one in this moment
            self._keep_aside(engine_ids(target).instance, on_disk(upload(target)))
            if not self._stored(target):
                raise NotStored("the device keeps sending other pixels under the UID of an image being corrected")
        attached = EngineInstance(copy_id, copy_id, hand.sop_instance_uid, tuple(hand.labels), hand.metadata)
        self._keep_instance_attachments(engine_ids(target).instance, attached)
        self._engine.delete_instance(copy_id)
        hand.delete()
        self._changed += 1

    # the engine

    def _file(self, orthanc_id: OrthancId) -> FileData:
        return stored_file(self._engine, orthanc_id)

    def _stored(self, file: DicomFile) -> bool:
        """Whether the engine has ``file`` now, or has had the same image under its identifier before.

        :raises NotStored: it says so and has something else
        """
        expected, digest = engine_ids(file).instance, hashlib.md5(usedforsecurity=False)
        sent = upload(file)
        stored = self._engine.store_instance(sent)
        if stored.orthanc_id != expected:
            raise NotStored("the engine knows an image by another identifier than expected")
        for piece in sent:
            digest.update(piece)
        if self._engine.instance_md5(expected) == digest.hexdigest():
            return True
        if not stored.already_stored:
            raise NotStored("the engine has stored other bytes than it was given")
        return difference(self._file(expected), on_disk(sent)) is None

    def _keep_instance_attachments(self, new: OrthancId, old: EngineInstance) -> None:
        for label in old.labels:
            self._engine.add_label("instances", new, label)
        for number, value in old.metadata.items():
            self._engine.set_metadata("instances", new, number, value)

    def _keep_attachments(self, level: Level, old: OrthancId, new: OrthancId) -> None:
        for label in self._engine.labels(level, old):
            self._engine.add_label(level, new, label)
        for number, value in self._engine.metadata(level, old).items():
            self._engine.set_metadata(level, new, number, value)

    # the rows

    def _outcome(self, row: Study, problem: str) -> dict[str, object]:
        """Columns of a row. Of another one than the study itself only what was put there has been looked at."""
        changes: dict[str, object] = {"being_arranged": False}
        if self._changed or self._moved:
            changes["corrected_at"] = timezone.now()
        if row.pk == self._study.pk:
            # an image that came meanwhile was not seen: it makes another number, and so another run
            seen = Counter(self._seen.values())[OrthancId(row.orthanc_id)]
            changes |= {"arrangement": self._plan(row).digest(seen), "correction_problem": problem}
            changes["problem_files"] = self._unreadable
        else:
            changes |= {"arrangement": ""} if row.pk in self._received else {}
            changes |= {"correction_problem": problem} if problem else {}
        return changes

    @transaction.atomic
    def _finish(self) -> None:
        rewritten_count = self._changed + len(self._moved)
        problem = min(self._problems, default="")
        for _, row in sorted(self._rows.items()):  # locked in this order everywhere
            if problem and row.correction_problem != problem:
                tell_of_problem(row)
            _mark(row, **self._outcome(row, problem))
            announce("study", row.pk)
            enqueue("study_arrived", row.orthanc_id)
        end_operations(self._under_way)
        if rewritten_count or problem:
            record(
                AUTO_MAPPING,
                "study.corrected",
                subject=f"study:{self._study.pk}",
                patient_id=self._study.patient_id,
                success=not problem,
                images=rewritten_count,
                attributes=[f"{tag:08X}" for tag in sorted(self._plan(self._study).wanted)],
                **({"problem": problem} if problem else {}),
            )


def _claim_place(row: Study, place: OrthancId) -> bool:
    """Note that what lies at ``place`` is ``row``'s, before anything lies there; False when it is another's."""
    if Study.objects.filter(orthanc_id=place).exclude(pk=row.pk).exists():
        return False
    kept, _ = StudyPlace.objects.get_or_create(orthanc_id=place, defaults={"study": row})
    return kept.study_id == row.pk


def _mark(row: Study, **changes: object) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    Study.objects.filter(pk=row.pk).update(**changes)
