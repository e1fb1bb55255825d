"""How large, on which disc, under which name."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from ris_core.exports.rules import Amount, blocks, expected_bytes, file_id, on_discs, windows_of

Item = tuple[str, str, int]
_GROUPS = (lambda item: item[0], lambda item: item[1])


def discs(items: list[Item], room: int) -> list[list[Item]]:
    return on_discs(items, lambda item: item[2], _GROUPS, room)


def test_what_fits_is_one_disc() -> None:
    items = [("An", "1", 3), ("Bình", "2", 4)]
    assert discs(items, 10) == [items]


def test_a_patient_who_fits_onto_a_disc_is_not_parted() -> None:
    items = [("An", "1", 6), ("Bình", "2", 4), ("Bình", "3", 4)]
    assert discs(items, 10) == [items[:1], items[1:]]


def test_a_patient_who_does_not_fit_is_parted_between_studies() -> None:
    items = [("An", "1", 4), ("An", "1", 4), ("An", "2", 4), ("An", "2", 4)]
    assert discs(items, 10) == [items[:2], items[2:]]


def test_a_study_that_does_not_fit_is_parted_between_images() -> None:
    items = [("An", "1", 4)] * 5
    assert [len(disc) for disc in discs(items, 10)] == [2, 2, 1]


def test_what_is_larger_than_a_disc_has_one_of_its_own() -> None:
    assert discs([("An", "1", 40), ("An", "1", 4)], 10) == [[("An", "1", 40)], [("An", "1", 4)]]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(1, 9)), max_size=40),
    st.integers(9, 30),
)
def test_nothing_is_lost_and_no_disc_is_too_full(items: list[Item], room: int) -> None:
    found = discs(items, room)
    assert sorted(item for disc in found for item in disc) == sorted(items)
    assert all(sum(item[2] for item in disc) <= room for disc in found)


def test_names_are_file_ids_of_eight_capitals_and_digits_at_most() -> None:
    for name in (file_id(1, 1, 1, 1), file_id(99999, 99999, 99999, 99999)):
        assert len(name) <= 8
        assert all(re.fullmatch("[A-Z0-9_]{1,8}", part) for part in name)


def test_estimates_grow_with_what_is_in_them_and_a_disc_takes_pictures_too() -> None:
    small, large = Amount(10, 5_000_000, 10_000_000), Amount(100, 50_000_000, 100_000_000)
    for form in ("DICOM", "DISC", "JPEG", "PNG", "VIDEO", "SHEET"):
        assert 0 < expected_bytes(form, small) < expected_bytes(form, large)
    assert expected_bytes("DISC", large) > large.plain_bytes
    assert blocks(1) == blocks(2048) == 2048


def test_only_ct_has_further_windows() -> None:
    assert windows_of("MR") == (None,)
    assert len(windows_of("CT")) == 4
