"""What an error answers: its own words, else those of the kind of error that it is."""

from __future__ import annotations

import pytest

from ris_core.imports.errors import ImportTooLarge, OtherPerson
from ris_webapp.errors import WORDS, words_of


@pytest.mark.parametrize(("code", "status"), [(ImportTooLarge.code, 422), (OtherPerson.code, 409), ("QUANG-9999", 500)])
def test_an_error_without_words_of_its_own_answers_as_its_kind(code: str, status: int) -> None:
    assert code not in WORDS
    assert words_of(code).status == status
