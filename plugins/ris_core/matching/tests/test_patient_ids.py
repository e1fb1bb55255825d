from __future__ import annotations

import pytest

from ris_core.matching.patient_ids import mistyped, mistyped_forms, possible_ids, same_in_another_form, stored_forms


@pytest.mark.parametrize("typed", ["BN001234", "bn001234", "BN-001234", "BN1234", "1234", "001234", "BN 00 1234"])
def test_one_number_in_its_forms(typed: str) -> None:
    assert same_in_another_form(typed, "BN001234")


@pytest.mark.parametrize("other", ["KH001234", "BN001235", "BN0012345", "", "BN"])
def test_another_number(other: str) -> None:
    assert not same_in_another_form(other, "BN001234")


def test_a_number_of_few_digits_is_not_recognised_without_its_prefix() -> None:
    assert not same_in_another_form("12", "BN0012")
    assert same_in_another_form("BN12", "BN0012")


@pytest.mark.parametrize("typed", ["BN001243", "BN01234", "BN0012334", "BM001234", "1235"])
def test_one_typing_error(typed: str) -> None:
    assert mistyped(typed, "BN001234") or same_in_another_form(typed, "BN001234")


def test_the_forms_to_look_up_contain_what_was_meant() -> None:
    assert "BN001234" in stored_forms("bn1234")
    assert "BN001234" in set(mistyped_forms("BN001243"))


def test_identifiers_are_found_in_free_text() -> None:
    assert possible_ids("BN BN001234, P.3 (079080001234)") == ("BN001234", "079080001234")
