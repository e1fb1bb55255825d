"""Which regions of the body a text speaks of: service names in Vietnamese, BodyPartExamined, study descriptions.

Pure. The words are data; a text that names no region says nothing.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from ris_core.names import folded

REGIONS: Final[dict[str, tuple[str, ...]]] = {
    "HEAD": ("so nao", "sonao", "nao", "so mat", "head", "brain", "skull", "cranium", "cerebral"),
    "SINUS": ("xoang", "sinus", "blondeau", "hirtz"),
    "NECK": ("vung co", "tuyen giap", "neck", "thyroid", "carotid", "canh co"),
    "CHEST": ("nguc", "phoi", "long nguc", "tim phoi", "chest", "thorax", "lung"),
    "HEART": ("tim", "mach vanh", "heart", "cardiac", "coronary", "echocardio"),
    "BREAST": ("vu", "tuyen vu", "breast", "mammo"),
    "ABDOMEN": ("bung", "o bung", "gan", "mat tuy", "than", "abdomen", "abd", "liver", "kidney", "renal", "kub"),
    "PELVIS": ("khung chau", "tieu khung", "tu cung", "pelvis", "uterus", "prostate", "tien liet"),
    "OBSTETRIC": ("thai", "san khoa", "fetus", "obstetric", "ob"),
    "CSPINE": ("cot song co", "cstc", "csco", "cspine", "c spine", "cervical"),
    "TSPINE": ("cot song nguc", "cstn", "tspine", "t spine", "thoracic spine"),
    "LSPINE": ("cot song that lung", "cstl", "that lung", "lspine", "l spine", "lumbar", "lumbosacral"),
    "SHOULDER": ("khop vai", "xuong vai", "shoulder", "clavicle", "xuong don"),
    "ARM": ("canh tay", "cang tay", "khuyu", "humerus", "elbow", "forearm", "arm"),
    "HAND": ("ban tay", "co tay", "ngon tay", "hand", "wrist", "finger"),
    "HIP": ("khop hang", "co xuong dui", "hip"),
    "LEG": ("xuong dui", "cang chan", "dui", "femur", "tibia", "leg"),
    "KNEE": ("khop goi", "goi", "knee", "patella"),
    "FOOT": ("ban chan", "co chan", "got", "foot", "ankle", "heel"),
}  # fmt: skip
"""Region → folded phrases; of two that overlap in a text the longer one counts (``cot song nguc`` is no chest)."""

_PHRASES: Final = sorted(
    ((phrase, region) for region, phrases in REGIONS.items() for phrase in phrases), key=lambda p: (-len(p[0]), p)
)
_SEPARATORS = re.compile(r"[^a-z0-9]+")


@functools.lru_cache(maxsize=4096)
def regions_in(text: str) -> frozenset[str]:
    """The regions that ``text`` names."""
    left = f" {_SEPARATORS.sub(' ', folded(text))} "
    found = set()
    for phrase, region in _PHRASES:
        if f" {phrase} " in left:
            found.add(region)
            left = left.replace(f" {phrase} ", "  ")
    return frozenset(found)
