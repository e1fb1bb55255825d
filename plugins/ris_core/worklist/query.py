"""The identifier of a worklist C-FIND as keys to match."""

from __future__ import annotations

from ris_core.errors import InvalidValue
from ris_core.worklist.dataset import REPRESENTATIONS, Dataset, encodings_of, iterate, read_file, text
from ris_core.worklist.rules import Key, Keys

ORIGINAL_QUERY_SEQUENCE = 0x00400340
"""Where ``worklist_query.lua`` of the engine's plugin puts the query as the device sent it: a sequence that no worklist
query has."""


def read_query(identifier: bytes) -> Keys:
    """The keys of a query.

    :raises InvalidValue: when it is not a DICOM file, or asks for a sequence with more than one item (C.2.2.2.6)
    """
    dataset = read_file(identifier)
    character_sets = encodings_of(dataset)
    original = dataset.get(ORIGINAL_QUERY_SEQUENCE)
    if isinstance(original, list) and original:
        dataset = original[0]
    return _keys(dataset, character_sets)


def _keys(dataset: Dataset, character_sets: tuple[str, ...]) -> Keys:
    keys: dict[int, Key] = {}
    for tag, element in iterate(dataset):
        representation = REPRESENTATIONS.get(tag)
        if representation is None:
            continue
        if isinstance(element, bytes):
            if representation != "SQ":
                keys[tag] = Key(representation, text(element, character_sets))
            continue
        if len(element) > 1:
            raise InvalidValue(
                "a sequence of a query has one item at most", field=f"({tag >> 16:04X},{tag & 65535:04X})"
            )
        keys[tag] = Key("SQ", item=_keys(element[0], character_sets) if element else {})
    return keys
