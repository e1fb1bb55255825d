"""Headers of stored images, read from the beginnings of their files: what the engine answers queries with is only what
the first image of a study said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from ris_core.engine.answers import EngineStudy
from ris_core.engine.client import Engine
from ris_core.engine.errors import NotInEngine
from ris_core.engine.finding import first_instances
from ris_core.identifiers import OrthancId
from ris_core.studies.elements import HeaderIncomplete, HeaderUnreadable
from ris_core.studies.models import Study
from ris_core.studies.received import Header, header_from_json, header_read_by_engine, read_header
from ris_core.studies.rewriting import received_header

FIRST_READ_BYTES: Final = 8 * 1024
LONGEST_READ_BYTES: Final = 4 * 1024 * 1024
"""Patient and study attributes lie at the beginning; a private block before them may be large."""
SERIES_LOOKED_INTO: Final = 200
"""At once, when a study is placed; every image is compared soon after."""
IMAGES_COMPARED: Final = 20_000
"""In a study with more images, the rest is not searched for another patient's attributes."""
_VARIANTS_KEPT: Final = 16
"""Two are enough for a conflict."""
_OF_PATIENT: Final = ("00080005", "00100010", "00100020", "00100021", "00100030", "00100040")


def first_headers(engine: Engine, found: EngineStudy, series: int, study: Study | None = None) -> list[Header]:
    """The header of one instance in each of the first ``series`` series, as received; at least one.

    :param study: the row, when files of it may have been corrected
    """
    read = _reader(study)
    instances = islice(first_instances(engine, found), series)
    return [_header(engine, found, instance, read) for instance in instances] or [
        header_read_by_engine(found.main_tags)
    ]


def other_headers(engine: Engine, found: EngineStudy, study: Study) -> list[Header]:
    """Of all images, one header of each kind that describes the patient otherwise than ``study`` does, as received."""
    known = {_patient(header_from_json(study.as_received))}
    others: list[Header] = []
    for image in islice(engine.instances(found.orthanc_id), IMAGES_COMPARED):
        try:
            header = _header(engine, found, image.orthanc_id, _reader(study))
        except NotInEngine:  # corrected, or moved, in this moment
            continue
        if header.as_sent and _patient(header) not in known:
            known.add(_patient(header))
            others.append(header)
            if len(others) == _VARIANTS_KEPT:
                break
    return others


def _reader(study: Study | None) -> Callable[[bytes], Header]:
    return read_header if study is None or study.corrected_at is None else received_header


def _patient(header: Header) -> tuple[str, ...]:
    return tuple(header.text(tag) for tag in _OF_PATIENT)


def _header(engine: Engine, found: EngineStudy, instance: OrthancId, read: Callable[[bytes], Header]) -> Header:
    """The header as sent; as the engine read it when the file's structure is beyond us."""
    for data in _beginnings(engine, instance):
        try:
            return read(data)
        except HeaderIncomplete:
            continue
        except HeaderUnreadable:
            break
    return header_read_by_engine(found.main_tags)


def _beginnings(engine: Engine, instance: OrthancId) -> Iterator[bytes]:
    """Ever more of a file, as long as there is more."""
    byte_count = FIRST_READ_BYTES
    while byte_count <= LONGEST_READ_BYTES:
        data = engine.instance_head(instance, byte_count)
        yield data
        if len(data) < byte_count:
            return
        byte_count *= 8
