"""What may be asked for, how large it becomes, what goes on which disc. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

MOST_EXAMS: Final = 50
DISC_SIZES: Final = (650_000_000, 4_300_000_000)
"""Bytes of a CD and of a DVD that are used (ISO 9660 counts in blocks, writers need some room)."""
BLOCK: Final = 2048
"""Bytes of a logical block on a disc (ISO 9660 6.2.2)."""
OF_A_DISC_ITSELF: Final = 4_000_000
"""Room on each disc for viewer, DICOMDIR, tables and names."""

PICTURE_BYTES: Final = {"JPEG": 60_000, "PNG": 220_000, "VIDEO": 15_000, "SHEET": 12_000}
"""What a picture takes on average, for estimates."""
DISC_PICTURE_BYTES: Final = 120_000
"""Of one image in the viewer of a disc, all its windows."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Amount:
    """What studies hold, as the engine counts it."""

    image_count: int
    stored_bytes: int
    plain_bytes: int
    """Without compression."""

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.image_count + other.image_count,
            self.stored_bytes + other.stored_bytes,
            self.plain_bytes + other.plain_bytes,
        )


NOTHING: Final = Amount(0, 0, 0)


def expected_bytes(form: str, amount: Amount) -> int:
    """About how large the files become."""
    if form == "DICOM":
        return amount.stored_bytes + 1000 * amount.image_count
    if form == "DISC":
        return amount.plain_bytes + amount.image_count * (DISC_PICTURE_BYTES + 2 * BLOCK) + OF_A_DISC_ITSELF
    return amount.image_count * PICTURE_BYTES[form] + 100_000


@dataclass(frozen=True, slots=True)
class Window:
    """Centre and width in rescaled units (PS3.3 C.11.2.1.2)."""

    name: str
    centre: float
    width: float


CT_WINDOWS: Final = (
    Window("Phổi / Lung", -600, 1500),
    Window("Mô mềm / Soft tissue", 40, 400),
    Window("Xương / Bone", 400, 1800),
)
"""In which pictures of CT lie on a disc beside those as the images themselves say."""


def windows_of(modality: str) -> tuple[Window | None, ...]:
    """None: as the image says."""
    return (None, *CT_WINDOWS) if modality == "CT" else (None,)


def on_discs(
    items: Sequence[T], size: Callable[[T], int], groups: Sequence[Callable[[T], object]], room: int
) -> list[list[T]]:
    """``items``, in their order, on as few discs of ``room`` bytes as keep groups together.

    A group that fits onto a disc alone is not parted; one that does not is parted by the next key, and at last by
    single items. An item larger than a disc gets one of its own.

    :param groups: keys of the groups, the widest first (patient, study, series)
    """
    discs: list[list[T]] = []
    _place(list(items), size, list(groups), room, discs)
    return discs


def _place(
    items: list[T], size: Callable[[T], int], groups: list[Callable[[T], object]], room: int, discs: list[list[T]]
) -> None:
    for group in _grouped(items, groups[0]) if groups else [[item] for item in items]:
        needed = sum(map(size, group))
        if discs and sum(map(size, discs[-1])) + needed <= room:
            discs[-1].extend(group)
        elif needed <= room or not groups:
            discs.append(list(group))
        else:
            _place(group, size, groups[1:], room, discs)


def _grouped(items: Iterable[T], key: Callable[[T], object]) -> list[list[T]]:
    found: dict[object, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return list(found.values())


def blocks(byte_count: int) -> int:
    """Bytes that a file takes on a disc."""
    return -(-byte_count // BLOCK) * BLOCK


def file_id(patient: int, study: int, series: int, image: int) -> tuple[str, ...]:
    """Components of a File ID: capitals and digits, eight at most (PS3.10 8.2, PS3.12 F.1)."""
    return ("DICOM", f"PAT{patient:05d}", f"STU{study:05d}", f"SER{series:05d}", f"IMG{image:05d}"[:8])
