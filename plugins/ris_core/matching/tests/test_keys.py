from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.errors import InvalidValue
from ris_core.matching.keys import ALPHABET, LENGTH, corrected_keys, exam_key, keys_in, procedure_of_key, shown_key

_PROCEDURES = st.integers(1, 23**6 - 1)
_KEYS = _PROCEDURES.map(exam_key)


@given(_PROCEDURES)
def test_a_key_names_its_procedure_and_no_other(procedure_id: int) -> None:
    key = exam_key(procedure_id)
    assert len(key) == LENGTH
    assert set(key) <= set(ALPHABET)
    assert procedure_of_key(key) == procedure_id


def test_no_character_of_a_key_looks_like_another() -> None:
    assert not set("0O1IL2Z5S8BUV") & set(ALPHABET)


@given(_KEYS, st.integers(0, LENGTH - 1), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_noticed_and_can_be_put_right(key: str, at: int, wrong: str) -> None:
    typed = key[:at] + wrong + key[at + 1 :]
    if typed != key:
        assert procedure_of_key(typed) is None
        assert key in corrected_keys(typed)


@given(_KEYS, st.integers(0, LENGTH - 2))
def test_every_exchange_of_neighbours_is_noticed_and_can_be_put_right(key: str, at: int) -> None:
    typed = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    if typed != key:
        assert procedure_of_key(typed) is None
        assert key in corrected_keys(typed.lower())


@given(
    _KEYS,
    st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=2, unique=True),
    st.lists(st.sampled_from(ALPHABET), min_size=2, max_size=2),
)
def test_every_two_wrong_characters_are_noticed(key: str, at: list[int], wrong: list[str]) -> None:
    typed = list(key)
    typed[at[0]], typed[at[1]] = wrong
    if "".join(typed) != key:
        assert procedure_of_key("".join(typed)) is None


@pytest.mark.parametrize(
    "written",
    [
        "{key}", " {key} ", "*{key}*", "]C1{key}", "{shown}", "{head} {tail}", "{head}-{tail}", "{low}",
        "Phiếu {shown}, bệnh nhân kêu đau", "KEY:{key};DR1", "{two} {three} {rest}", "{key}\r",
    ],
)  # fmt: skip
def test_a_key_is_read_however_it_was_scanned_or_typed(written: str) -> None:
    key = exam_key(4711)
    parts = {"two": key[:2], "three": key[2:5], "rest": key[5:], "head": key[:4], "tail": key[4:]}
    text = written.format(key=key, shown=shown_key(key), low=key.lower(), **parts)
    assert keys_in(text) == {key}


def test_neighbours_in_time_have_keys_that_do_not_resemble_each_other() -> None:
    keys = [exam_key(number) for number in range(1, 2001)]
    assert all(
        sum(a != b for a, b in zip(one, other, strict=True)) >= 3 for one in keys[:60] for other in keys if one != other
    )


@given(st.text(max_size=700))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert all(procedure_of_key(key) for key in keys_in(text) | corrected_keys(text))


@pytest.mark.parametrize("number", [0, -1, 23**6])
def test_there_is_no_key_for_what_is_no_procedure(number: int) -> None:
    with pytest.raises(InvalidValue):
        exam_key(number)
