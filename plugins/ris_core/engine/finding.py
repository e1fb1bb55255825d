"""What is there: studies, series and instances in the engine, and its journal. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable

from ris_core.engine.answers import (
    ChangesPage,
    EngineChange,
    EngineInstance,
    EngineSeries,
    EngineStudy,
    StoredImage,
    StoredObject,
    added_metadata,
    engine_time,
    whole_number,
)
from ris_core.engine.errors import NotInEngine
from ris_core.engine.transport import Transport, as_json
from ris_core.identifiers import OrthancId, StudyInstanceUID

_INSTANCES_AT_ONCE = 1000
_COMPUTED = "NumberOfStudyRelatedInstances;NumberOfStudyRelatedSeries;ModalitiesInStudy"


class Finding(Transport):
    """The calls that ask what the engine has."""

    def study(self, orthanc_id: str) -> EngineStudy:
        """:raises NotInEngine: when it is not there (any more)"""
        study = OrthancId(orthanc_id)
        answer = self._json("GET", f"/studies/{study}", params={"requested-tags": _COMPUTED})
        computed = answer.get("RequestedTags", {})
        return EngineStudy(
            orthanc_id=study,
            study_instance_uid=str(answer["MainDicomTags"].get("StudyInstanceUID", "")),
            series_ids=tuple(OrthancId(series) for series in answer["Series"]),
            instance_count=int(computed.get("NumberOfStudyRelatedInstances") or 0),
            modalities=tuple(sorted(filter(None, str(computed.get("ModalitiesInStudy", "")).split("\\")))),
            is_stable=bool(answer["IsStable"]),
            last_update=engine_time(answer["LastUpdate"]),
            main_tags={**answer["PatientMainDicomTags"], **answer["MainDicomTags"]},
        )

    def series(self, orthanc_id: str) -> EngineSeries:
        """:raises NotInEngine: when it is not there (any more)"""
        series = OrthancId(orthanc_id)
        answer = self._json("GET", f"/series/{series}")
        tags = answer["MainDicomTags"]
        return EngineSeries(
            orthanc_id=series,
            series_instance_uid=str(tags.get("SeriesInstanceUID", "")),
            modality=str(tags.get("Modality", "")),
            instance_ids=tuple(OrthancId(instance) for instance in answer["Instances"]),
            number=str(tags.get("SeriesNumber", "")),
            description=str(tags.get("SeriesDescription", "")),
        )

    def amount_in(self, study_id: str) -> tuple[int, int, int]:
        """How many instances a study has, how many bytes they take as stored, and without compression.

        :raises NotInEngine: when it is not there (any more)
        """
        found = self._json("GET", f"/studies/{OrthancId(study_id)}/statistics")
        return int(found["CountInstances"]), int(found["DicomDiskSize"]), int(found["DicomUncompressedSize"])

    def instances(self, study_id: str) -> list[EngineInstance]:
        """All instances of a study; none when it is not there."""
        found: list[EngineInstance] = []
        while True:
            body = {
                "Level": "Instance",
                "ParentStudy": OrthancId(study_id),
                "Query": {},
                "ResponseContent": ["MainDicomTags", "Metadata", "Labels", "Parent"],
                "Since": len(found),
                "Limit": _INSTANCES_AT_ONCE,
            }
            try:
                page = self._json("POST", "/tools/find", data=as_json(body), safe=True)
            except NotInEngine:
                return found
            found += [
                EngineInstance(
                    OrthancId(item["ID"]),
                    OrthancId(item["ParentSeries"]),
                    str(item["MainDicomTags"].get("SOPInstanceUID", "")),
                    tuple(item.get("Labels", ())),
                    added_metadata(item.get("Metadata", {})),
                    str(item["MainDicomTags"].get("InstanceNumber", "")).strip(),
                )
                for item in page
            ]
            if len(page) < _INSTANCES_AT_ONCE:
                return found

    def image_of(self, study_id: str, sop_instance_uid: str) -> StoredImage:
        """One instance of a study by its SOPInstanceUID, which must be a UID.

        :raises NotInEngine: the study has no such instance (any more)
        """
        found = self.images_of(study_id, SOPInstanceUID=StudyInstanceUID(sop_instance_uid))
        if not found:
            raise NotInEngine("the study has no such instance")
        return found[0]

    def images_of(self, study_id: str, **query: str) -> list[StoredImage]:
        """The instances of a study whose attributes are as in ``query`` (keyword → value), a thousand at most."""
        body = {
            "Level": "Instance",
            "ParentStudy": OrthancId(study_id),
            "Query": query,
            "RequestedTags": [
                "SOPClassUID",
                "SOPInstanceUID",
                "SeriesInstanceUID",
                "Rows",
                "Columns",
                "NumberOfFrames",
            ],
            "ResponseContent": ["RequestedTags", "Metadata"],
            "Limit": _INSTANCES_AT_ONCE,
        }
        return [
            StoredImage(
                orthanc_id=OrthancId(item["ID"]),
                sop_class_uid=str(tags.get("SOPClassUID", "")),
                sop_instance_uid=str(tags.get("SOPInstanceUID", "")),
                series_instance_uid=str(tags.get("SeriesInstanceUID", "")),
                columns=whole_number(tags.get("Columns")),
                rows=whole_number(tags.get("Rows")),
                frame_count=whole_number(tags.get("NumberOfFrames")) or 1,
                transfer_syntax_uid=str(item.get("Metadata", {}).get("TransferSyntax", "")),
            )
            for item in self._json("POST", "/tools/find", data=as_json(body), safe=True)
            if (tags := item["RequestedTags"]) is not None
        ]

    def stored_objects(self, orthanc_id: str) -> list[StoredObject]:
        """Everything in a study.

        :raises NotInEngine: when it is not there (any more)
        """
        tags = "SOPClassUID;SOPInstanceUID;SeriesInstanceUID"
        found = self._json("GET", f"/studies/{OrthancId(orthanc_id)}/instances", params={"requested-tags": tags})
        return [
            StoredObject(
                sop_class_uid=str(item["RequestedTags"].get("SOPClassUID", "")),
                sop_instance_uid=str(item["RequestedTags"].get("SOPInstanceUID", "")),
                series_instance_uid=str(item["RequestedTags"].get("SeriesInstanceUID", "")),
            )
            for item in found
        ]

    def find_studies(self, study_instance_uid: StudyInstanceUID) -> list[OrthancId]:
        """Every study under this StudyInstanceUID: none, one, or one for each PatientID (invariant 4)."""
        found = self._json("POST", "/tools/lookup", data=str(study_instance_uid).encode(), safe=True)
        return [OrthancId(item["ID"]) for item in found if item["Type"] == "Study"]

    def find_series(self, study_instance_uid: StudyInstanceUID, series_instance_uid: str) -> list[OrthancId]:
        """Every series under this UID in the studies under that one."""
        found = self._json("POST", "/tools/lookup", data=series_instance_uid.encode(), safe=True)
        named = {OrthancId(item["ID"]) for item in found if item["Type"] == "Series"}
        studies = (self.study(study_id) for study_id in self.find_studies(study_instance_uid))
        return [series for study in studies for series in study.series_ids if series in named]

    def find_instances(self, sop_instance_uid: str) -> list[OrthancId]:
        """Every instance under this SOPInstanceUID, in whatever study or series."""
        found = self._json("POST", "/tools/lookup", data=sop_instance_uid.encode(), safe=True)
        return [OrthancId(item["ID"]) for item in found if item["Type"] == "Instance"]

    def study_page(self, since: int, limit: int) -> list[OrthancId]:
        """``limit`` studies from position ``since`` of the engine's whole list, in no useful order."""
        return [OrthancId(item) for item in self._json("GET", "/studies", params={"since": since, "limit": limit})]

    def changes(self, since: int, limit: int) -> ChangesPage:
        """Up to ``limit`` entries of the engine's journal after ``since``."""
        answer = self._json("GET", "/changes", params={"since": since, "limit": limit})
        return ChangesPage(
            changes=tuple(
                EngineChange(int(item["Seq"]), item["ChangeType"], item["ResourceType"], OrthancId(item["ID"]))
                for item in answer["Changes"]
            ),
            last_sequence=int(answer["Last"]),
            done=bool(answer["Done"]),
        )

    def last_change_sequence(self) -> int:
        """The newest entry's number in the engine's journal; smaller than one seen before: another engine database."""
        return int(self._json("GET", "/changes?last")["Last"])


def first_instances(engine: Finding, study: EngineStudy) -> Iterable[OrthancId]:
    """One instance of each series, to see whose it says it is; a series gone meanwhile is left out."""
    for series_id in study.series_ids:
        try:
            series = engine.series(series_id)
        except NotInEngine:
            continue
        if series.instance_ids:
            yield series.instance_ids[0]
