"""Text is read in the character set that it is in, whatever the sender says it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.hl7.charsets import codec_of, decode, encode
from ris_core.hl7.er7 import Message

NAME = "NGUYỄN THỊ ĐÀO – Trường Sơn"


@pytest.mark.parametrize(
    ("declared", "codec"),
    [
        ("UNICODE UTF-8", "utf-8"),
        ("unicode  utf-8", "utf-8"),
        ("UTF8", "utf-8"),
        ("8859/1", "iso8859_1"),
        ("ISO-8859-1", "iso8859_1"),
        ("GB 18030-2000", "gb18030"),
        ("ISO IR87", "iso2022_jp"),
        ("windows-1258", "cp1258"),
        ("KLINGON", None),
    ],
)
def test_names_of_character_sets(declared: str, codec: str | None) -> None:
    assert codec_of(declared) == codec


def test_sets_that_mllp_cannot_carry_are_refused() -> None:
    with pytest.raises(InvalidValue, match="UTF-8"):
        decode("MSH".encode("utf-16"), "UNICODE UTF-16")


@pytest.mark.parametrize(
    ("raw", "declared", "text", "as_declared"),
    [
        (NAME.encode(), "UNICODE UTF-8", NAME, True),
        (NAME.encode(), "", NAME, True),
        (NAME.encode(), "8859/1", NAME, False),
        (NAME.encode(), "KLINGON", NAME, False),
        ("Müller".encode("latin-1"), "8859/1", "Müller", True),
        ("赵检查".encode("gb18030"), "GB 18030-2000", "赵检查", True),
        ("検査".encode("iso2022_jp"), "ISO IR87", "検査", True),
        (encode("Nguyễn Đức Hải", "cp1258") or b"", "", "Nguyễn Đức Hải", False),
        (encode("Nguyễn Đức Hải", "cp1258") or b"", "UNICODE UTF-8", "Nguyễn Đức Hải", False),
        (b"\x81\x8d\x8f", "UNICODE UTF-8", "\x81\x8d\x8f", False),
        (b"plain", "", "plain", True),
    ],
)
def test_decoding(raw: bytes, declared: str, text: str, as_declared: bool) -> None:
    decoded = decode(raw, declared)
    assert decoded.text == text
    assert decoded.as_declared is as_declared


def test_decomposed_text_is_composed() -> None:
    assert decode(unicodedata.normalize("NFD", NAME).encode(), "UNICODE UTF-8").text == NAME


@given(st.binary(), st.sampled_from(["", "8859/1", "UNICODE UTF-8", "ASCII", "BIG-5", "WINDOWS-1258", "nonsense"]))
def test_any_bytes_can_be_read(raw: bytes, declared: str) -> None:
    assert isinstance(decode(raw, declared).text, str)


@given(st.text("aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ ÀĐỄ"))
def test_vietnamese_survives_windows_1258(text: str) -> None:
    raw = encode(text, "cp1258")
    assert raw is not None
    assert unicodedata.normalize("NFC", raw.decode("cp1258")) == text


def test_what_a_set_cannot_write_is_told() -> None:
    assert encode(NAME, "iso8859_1") is None


@pytest.mark.parametrize("name", ["ISO_IR 192", "ISO IR192", "iso-ir 192", "ISO IR 192"])
def test_registered_sets_are_known_however_they_are_written(name: str) -> None:
    assert codec_of(name) == "utf-8"


@pytest.mark.parametrize("declared", ["ISO IR87", "~ISO IR87", "ASCII~ISO IR87"])
def test_a_set_with_escape_sequences_reads_the_message_wherever_it_stands(declared: str) -> None:
    raw = f"MSH|^~\\&|HIS|B|||||ORM^O01|1|P|2.5||||||{declared}\rPID|||1||山田^太郎\r".encode("iso2022_jp")
    pid = Message.parse(raw).first("PID")
    assert pid is not None
    assert pid.value(5) == "山田"
