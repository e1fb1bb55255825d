"""An engine in memory, for tests of what the worker does with studies: the same calls as the real one's client."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ris_core.engine.answers import ChangesPage, EngineChange, EngineInstance, EngineSeries, EngineStudy
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.identifiers import OrthancId, StudyInstanceUID


@dataclass
class FakeStudy:
    """What devices have sent of one study of one patient: series → files, in the order of their arrival."""

    orthanc_id: OrthancId
    study_instance_uid: str
    series: dict[str, list[bytes]] = field(default_factory=dict)
    modalities: set[str] = field(default_factory=set)
    is_stable: bool = False


class FakeEngine(Engine):
    """Keeps studies in ``studies``; :meth:`receive` is a device, :meth:`settle` is time, :meth:`remove` a person."""

    def __init__(self, page_size: int = 2) -> None:
        self.studies: dict[str, FakeStudy] = {}
        self.journal: list[EngineChange] = []
        self.sender = "CT1"
        self.last_update = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
        self.heads_read: list[str] = []
        self._page_size = page_size

    def close(self) -> None:
        pass

    # what happens to an engine

    def receive(
        self, file: bytes, *, patient_id: str, study_instance_uid: str, series: str = "1", modality: str = "CT"
    ) -> OrthancId:
        """A file arrives; patient and study tell the engine's study apart (as in Orthanc)."""
        orthanc_id = engine_id(patient_id, study_instance_uid)
        if orthanc_id not in self.studies:
            self.studies[orthanc_id] = FakeStudy(orthanc_id, study_instance_uid)
            self._note("NewStudy", orthanc_id)
        study = self.studies[orthanc_id]
        study.series.setdefault(series, []).append(file)
        study.modalities.add(modality)
        study.is_stable = False
        return orthanc_id

    def settle(self) -> None:
        """Nothing has come for a while."""
        for study in self.studies.values():
            if not study.is_stable:
                study.is_stable = True
                self._note("StableStudy", study.orthanc_id)

    def remove(self, orthanc_id: str) -> None:
        del self.studies[orthanc_id]

    def _note(self, kind: str, orthanc_id: OrthancId) -> None:
        self.journal.append(EngineChange(len(self.journal) + 1, kind, "Study", orthanc_id))

    # what the client asks

    def study(self, orthanc_id: str) -> EngineStudy:
        study = self._found(orthanc_id)
        return EngineStudy(
            orthanc_id=study.orthanc_id,
            study_instance_uid=study.study_instance_uid,
            series_ids=tuple(engine_id(orthanc_id, name) for name in study.series),
            instance_count=sum(len(files) for files in study.series.values()),
            modalities=tuple(sorted(study.modalities)),
            is_stable=study.is_stable,
            last_update=self.last_update,
            main_tags={"StudyInstanceUID": study.study_instance_uid, "PatientID": "as the engine read it"},
        )

    def series(self, orthanc_id: str) -> EngineSeries:
        for study in self.studies.values():
            for name, files in study.series.items():
                if engine_id(study.orthanc_id, name) == orthanc_id:
                    instances = tuple(engine_id(orthanc_id, str(number)) for number in range(len(files)))
                    return EngineSeries(OrthancId(orthanc_id), f"1.2.{name}", "CT", instances)
        raise NotInEngine("no such series")

    def instances(self, study_id: str) -> list[EngineInstance]:
        keys = [engine_id(study_id, name) for name in self._found(study_id).series]
        return [EngineInstance(one, key, "1.2") for key in keys for one in self.series(key).instance_ids]

    def find_studies(self, study_instance_uid: StudyInstanceUID) -> list[OrthancId]:
        found = [study for study in self.studies.values() if study.study_instance_uid == study_instance_uid]
        return [study.orthanc_id for study in found]

    def study_page(self, since: int, limit: int) -> list[OrthancId]:
        every = [study.orthanc_id for study in self.studies.values()]
        return every[since : since + min(limit, self._page_size)]

    def changes(self, since: int, limit: int) -> ChangesPage:
        found = tuple(self.journal[since : since + min(limit, self._page_size)])
        last = found[-1].sequence if found else since
        return ChangesPage(found, last, last >= len(self.journal))

    def last_change_sequence(self) -> int:
        return len(self.journal)

    def instance_head(self, orthanc_id: str, byte_count: int) -> bytes:
        self.heads_read.append(orthanc_id)
        for study in self.studies.values():
            for name, files in study.series.items():
                series_id = engine_id(study.orthanc_id, name)
                for number, file in enumerate(files):
                    if engine_id(series_id, str(number)) == orthanc_id:
                        return file[:byte_count]
        raise NotInEngine("no such instance")

    def remote_ae_title(self, orthanc_id: str) -> str:
        return self.sender

    def _found(self, orthanc_id: str) -> FakeStudy:
        if orthanc_id not in self.studies:
            raise NotInEngine("no such study")
        return self.studies[orthanc_id]


def engine_id(*parts: str) -> OrthancId:
    """An identifier of Orthanc's form, made of what it identifies (as Orthanc does)."""
    digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
    return OrthancId("-".join(digest[at : at + 8] for at in range(0, 40, 8)))
