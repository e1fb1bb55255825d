"""A series as MP4 (H.264, as every browser and telephone plays it)."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from PIL import Image

USUAL_FRAMES_PER_SECOND: Final = 10.0
LONGEST_SIDE: Final = 1280


def write_video(target: Path, pictures: Iterable[Path], frames_per_second: float) -> None:
    """Every picture is one frame, of the size of the first.

    :param frames_per_second: 0: the usual
    """
    rate = Fraction(frames_per_second or USUAL_FRAMES_PER_SECOND).limit_denominator(1000)
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = None
        for path in pictures:
            with Image.open(path) as opened:
                image = opened.convert("RGB")
            if stream is None:
                width, height = _even(image.size)
                stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "fast"})
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.thread_count = 1
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BICUBIC)
            container.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        if stream is not None:
            container.mux(stream.encode(None))


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """H.264 with colour at half resolution has even sides only."""
    shrunk = min(1.0, LONGEST_SIDE / max(size))
    width, height = (max(2, round(side * shrunk) // 2 * 2) for side in size)
    return width, height
