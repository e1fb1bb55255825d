"""Reading text with code extensions: several character sets in a value, by escape sequences (PS3.5 6.1.2.5)."""

from __future__ import annotations

from collections.abc import Sequence, Set

from pydicom.charset import decode_bytes


def decoded(raw: bytes, encodings: Sequence[str], delimiters: Set[int]) -> str:
    """``raw`` by its declared character sets, code extensions followed (PS3.5 6.1.2.5).

    :param encodings: as :func:`pydicom.charset.convert_encodings` names them
    :param delimiters: bytes after which the initial set holds again
    """
    # pydicom leaves the escape sequence of Chinese letters (ISO 2022 IR 58) in the text
    return decode_bytes(raw, list(encodings), set(delimiters)).replace("\x1b$)A", "")
