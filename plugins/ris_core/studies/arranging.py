"""Bring the files of a study in the engine into line with what they should be (:mod:`ris_core.studies.wanted`).

May be killed at any point and run again: no image is deleted before the digest of its successor has been read back from
the engine. What the engine does (measured, see the ADR on corrections): it keeps what it has when the same instance
comes again, and its identifiers depend on PatientID and the UIDs. So

* an image whose identifier changes is stored anew, and taken away at its old place when the study's row has moved on;
* an image whose identifier stays is stored a second time under another SOPInstanceUID, deleted, stored as it should
  be, and the copy is deleted (:mod:`ris_core.studies.images_in_hand`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import record
from ris_core.changes.services import announce
from ris_core.engine.answers import EngineInstance
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.identifiers import OrthancId
from ris_core.jobs.services import enqueue
from ris_core.studies.copies_of_study import CopiesOfStudy
from ris_core.studies.dicom_file import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, DicomFile, read_dicom_file
from ris_core.studies.elements import FileData, HeaderIncomplete, HeaderUnreadable
from ris_core.studies.engine_ids import EngineIds, engine_ids
from ris_core.studies.file_differences import difference
from ris_core.studies.files_on_disk import on_disk
from ris_core.studies.following_merges import let_follow_merge
from ris_core.studies.images_in_hand import ImagesInHand
from ris_core.studies.kept_copies import NoRoomForCopy, copy_pieces, is_kept, keep_copy
from ris_core.studies.links import AUTO_MAPPING
from ris_core.studies.models import CopyDecision, Study, StudyPlace
from ris_core.studies.operations_under_way import end_operations, operations_waiting_for
from ris_core.studies.problems import Problem, tell_of_problem
from ris_core.studies.proven_files import ProvenFiles
from ris_core.studies.received import ENGINE_TAGS, header_from_json
from ris_core.studies.rewriting import Note, as_received, rewritten
from ris_core.studies.wanted import STUDY_INSTANCE_UID, Plan, plan_for


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
        self._files = ProvenFiles(engine)
        self._study = study
        self._in_hand = ImagesInHand(engine, self._files, study, self._keep_aside)
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
        """Copies stored beside, or taken away again."""
        self._problems: set[Problem] = set()
        self._unreadable: list[str] = []
        self._copies: CopiesOfStudy
        self._note = Note(timezone.now(), study.remote_ae_title)

    def run(self) -> None:
        self._study.refresh_from_db()
        _mark(self._study, being_arranged=True)
        places = self._places()
        let_follow_merge(self._engine, self._study, places)
        self._plan(self._study)  # before the copies: what is decided between the two makes another run
        self._copies = CopiesOfStudy(self._study)
        self._in_hand.finish(places)
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

    def _arrange(self, place: OrthancId, found: EngineInstance) -> None:
        try:
            data = self._files.file(found.orthanc_id)
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
            self._in_hand.replace(found, target)

    def _owner(self, file: DicomFile) -> Study:
        """The row that the image belongs to: the one it came with, unless a person has put it elsewhere."""
        series, instance = file.text(SERIES_INSTANCE_UID), file.text(SOP_INSTANCE_UID)
        came_with = as_received(file).text(STUDY_INSTANCE_UID)
        origin = self._study
        if came_with != origin.study_instance_uid:
            # two patients may have come under one StudyInstanceUID: the one whose images were put here
            origins = Study.objects.filter(
                study_instance_uid=came_with,
                placements_away__series_instance_uid__in=(series, ""),
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
        elif self._files.stored(target):
            self._files.keep_instance_attachments(move.new.instance, move.found)
            self._seen[move.new.instance] = move.new.study
            self._moved.append(move)
            self._received.add(owner.pk)
        else:
            self._keep_aside(move.found.orthanc_id, self._files.file(move.new.instance))

    def _keep_aside(self, orthanc_id: OrthancId, stored: FileData) -> None:
        """Another image under the UID of ``stored`` is kept as a copy; then the engine need not have it."""
        data = self._files.file(orthanc_id)
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
            elif self._files.stored(target):
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
            self._files.keep_attachments("studies", move.old_study, move.new.study)
            self._files.keep_attachments("series", move.found.series_id, move.new.series)
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

    # the rows

    def _rewritten_count(self) -> int:
        return self._changed + self._in_hand.replaced + len(self._moved)

    def _outcome(self, row: Study, problem: str) -> dict[str, object]:
        """Columns of a row. Of another one than the study itself only what was put there has been looked at."""
        changes: dict[str, object] = {"being_arranged": False}
        if self._rewritten_count():
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
        rewritten_count = self._rewritten_count()
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
