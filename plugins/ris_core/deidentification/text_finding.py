"""Where a picture has text: a small neural network (PP-OCRv4's detector, Apache 2.0, from PyPI) run on the processor.

It finds text of any script and does not read it. What it finds slightly too often (scales, markers) is no harm here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]
"""Rows, columns."""

_MODEL: Final = "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"
_LIKELY: Final = 0.3
"""Probability from which a point may belong to text, as the model's authors use it."""
_SURE: Final = 0.7
"""Which some point of every text has, the faintest too; specks of noise have less."""
_SMALLEST: Final = 10
"""Points of a patch; a single letter has more."""
_SHORTER_SIDE: Final = (736, 1472)
"""To which pictures are enlarged and reduced: small letters are found, and a picture takes a second at most."""
_LONGER_SIDE: Final = 2560
_STEP: Final = 32
_GROWTH: Final = 2.0
"""The model marks the core of a line; whole letters are this much more, measured by area over circumference."""
_EDGE: Final = 3


@dataclass(frozen=True, slots=True)
class Box:
    """Of a picture, in pixels; ``bottom`` and ``right`` are beyond it."""

    top: int
    left: int
    bottom: int
    right: int


def text_boxes(picture: Grey) -> list[Box]:
    """Rectangles around all text."""
    height, width = picture.shape
    if min(height, width) < 8:
        return []
    shown = Image.fromarray(picture).resize(_size(width, height), Image.Resampling.BILINEAR)
    scaled = (np.asarray(shown, np.float32) / 255 - 0.5) / 0.5
    entered = np.broadcast_to(scaled, (1, 3, *scaled.shape))
    likely = _model().run(None, {"x": np.ascontiguousarray(entered)})[0][0, 0]
    down, across = height / likely.shape[0], width / likely.shape[1]
    boxes = []
    for box, area in _patches(likely > _LIKELY):
        if area < _SMALLEST or likely[box.top : box.bottom, box.left : box.right].max() < _SURE:
            continue
        tall, wide = box.bottom - box.top, box.right - box.left
        grown = _GROWTH * area / (2 * (tall + wide)) + _EDGE
        boxes.append(
            Box(
                max(0, int((box.top - grown) * down)),
                max(0, int((box.left - grown) * across)),
                min(height, int((box.bottom + grown) * down) + 1),
                min(width, int((box.right + grown) * across) + 1),
            )
        )
    return boxes


def _size(width: int, height: int) -> tuple[int, int]:
    """Width and height in which the model looks."""
    shorter = min(width, height)
    scale = min(max(shorter, _SHORTER_SIDE[0]), _SHORTER_SIDE[1]) / shorter
    scale = min(scale, _LONGER_SIDE / max(width, height))
    return tuple(max(_STEP, round(side * scale / _STEP) * _STEP) for side in (width, height))  # type: ignore[return-value]


def _patches(mask: npt.NDArray[np.bool_]) -> list[tuple[Box, int]]:
    """Connected patches with their areas: runs of each row, joined with those they touch in the row above."""
    boxes: list[list[int]] = []  # top, left, bottom, right, area
    parent: list[int] = []
    above: list[tuple[int, int, int]] = []
    for row in range(mask.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], mask[row].view(np.int8), [0]))))
        here = []
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            touched = {_root(parent, patch) for first, last, patch in above if first < end and start < last}
            patch = min(touched, default=len(boxes))
            if patch == len(boxes):
                boxes.append([row, start, row + 1, end, 0])
                parent.append(patch)
            for other in touched - {patch}:
                parent[other] = patch
                top, left, bottom, right, area = boxes[other]
                boxes[patch] = _joined(boxes[patch], top, left, bottom, right, area)
            boxes[patch] = _joined(boxes[patch], row, start, row + 1, end, end - start)
            here.append((start, end, patch))
        above = here
    return [(Box(*box[:4]), box[4]) for patch, box in enumerate(boxes) if parent[patch] == patch]


def _root(parent: list[int], patch: int) -> int:
    while parent[patch] != patch:
        patch = parent[patch]
    return patch


def _joined(box: list[int], top: int, left: int, bottom: int, right: int, area: int) -> list[int]:
    return [min(box[0], top), min(box[1], left), max(box[2], bottom), max(box[3], right), box[4] + area]


@cache
def _model() -> Any:
    """Loaded at the first picture; it takes some tens of megabytes. One thread: the worker has others at work."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    path = distribution("rapidocr-onnxruntime").locate_file(_MODEL)  # a file of it; its code is not imported
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
