from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import (
    MAXIMUM_STUDIES,
    ResultLink,
    issue_result_link,
    issue_viewer_token,
    read_result_link,
    read_viewer_token,
    viewer_cookie_name,
)
from ris_core.errors import InvalidValue, SettingsInvalid
from ris_core.identifiers import StudyInstanceUID
from ris_core.watermarks.rules import MOST_CHARACTERS

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=8)
OLD, NEW = "o" * 43, "n" * 43
KEYRING = Keyring.from_text(NEW)
LINK = ResultLink("HIS", 7, 2, frozenset({StudyInstanceUID("1.2.3")}), LATER)


def test_a_viewer_token_carries_its_grant() -> None:
    grant = read_viewer_token(
        KEYRING, issue_viewer_token(KEYRING, ["1.2.3", "1.2.4"], "bs_lan", LATER, grant="session:test"), NOW
    )
    assert grant.study_uids == {"1.2.3", "1.2.4"}
    assert (grant.user_name, grant.expires_at, grant.may_store) == ("bs_lan", LATER, False)


def test_storing_must_be_granted() -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "bs_lan", LATER, may_store=True, grant="session:test")
    assert read_viewer_token(KEYRING, token, NOW).may_store


def test_a_viewer_token_names_series_that_are_not_seen() -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="share:1.1", without_series=["1.2.4"])
    assert read_viewer_token(KEYRING, token, NOW).without_series == {"1.2.4"}


def test_a_viewer_token_says_the_mark_and_whether_only_pictures_are_given() -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="share:1.1", mark="cho Bình", pictures_only=True)
    read = read_viewer_token(KEYRING, token, NOW)
    assert (read.mark, read.pictures_only) == ("cho Bình", True)
    plain = read_viewer_token(KEYRING, issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="share:1.1"), NOW)
    assert (plain.mark, plain.pictures_only) == ("", False)


def test_a_result_link_carries_what_it_opens() -> None:
    assert read_result_link(KEYRING, issue_result_link(KEYRING, LINK), NOW) == LINK


def test_a_token_is_for_one_purpose() -> None:
    with pytest.raises(TokenRefused, match="another purpose"):
        read_viewer_token(KEYRING, issue_result_link(KEYRING, LINK), NOW)
    with pytest.raises(TokenRefused, match="another purpose"):
        read_result_link(KEYRING, issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="session:test"), NOW)


def test_renaming_the_purpose_breaks_the_signature() -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="session:test").replace(".viewer.", ".result.")
    with pytest.raises(TokenRefused, match="signature"):
        read_result_link(KEYRING, token, NOW)


@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
def test_a_token_is_over_at_its_expiry(after: timedelta) -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="session:test")
    with pytest.raises(TokenRefused, match="over"):
        read_viewer_token(KEYRING, token, LATER + after)


def test_an_older_key_verifies_until_its_line_is_taken_out() -> None:
    token = issue_viewer_token(Keyring.from_text(OLD), ["1.2.3"], "u", LATER, grant="session:test")
    assert read_viewer_token(Keyring.from_text(f"{NEW}\n{OLD}\n"), token, NOW).study_uids == {"1.2.3"}
    with pytest.raises(TokenRefused, match="not in use"):
        read_viewer_token(Keyring.from_text(NEW), token, NOW)


@pytest.mark.parametrize("text", ["", "\n \n", "short", f"{NEW}\nshort"])
def test_weak_keys_are_refused(text: str) -> None:
    with pytest.raises(SettingsInvalid):
        Keyring.from_text(text)


@given(st.data())
def test_no_change_of_a_single_character_passes(data: st.DataObject) -> None:
    token = issue_viewer_token(KEYRING, ["1.2.3"], "u", LATER, grant="session:test")
    position = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != token[position]))
    with pytest.raises(TokenRefused):
        read_viewer_token(KEYRING, token[:position] + other + token[position + 1 :], NOW)


@given(st.text(max_size=200))
def test_no_text_passes_for_a_token(text: str) -> None:
    with pytest.raises(TokenRefused):
        read_viewer_token(KEYRING, text, NOW)


@pytest.mark.parametrize("uids", [[], ["1.2.*"], ["../1.2"], [f"1.2.{n}" for n in range(MAXIMUM_STUDIES + 1)]])
def test_only_some_well_formed_studies_are_granted(uids: list[str]) -> None:
    with pytest.raises(InvalidValue):
        issue_viewer_token(KEYRING, uids, "u", LATER, grant="session:test")


def test_the_largest_grant_fits_into_a_cookie() -> None:
    uids = [f"1.{'2' * 58}.{n:03d}".replace(".0", ".1") for n in range(100, 100 + MAXIMUM_STUDIES)]
    name = viewer_cookie_name(uids)
    mark = "Ễ" * MOST_CHARACTERS
    assert len(name + issue_viewer_token(KEYRING, uids, "u" * 64, LATER, grant="session:test", mark=mark)) < 4000


def test_an_expiry_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match="aware"):
        issue_viewer_token(KEYRING, ["1.2.3"], "u", datetime(2026, 1, 1), grant="session:test")  # noqa: DTZ001 (meant)


def test_a_cookie_is_named_after_its_set_of_studies() -> None:
    assert viewer_cookie_name(["1.2", "1.3"]) == viewer_cookie_name(["1.3", "1.2"])
    assert viewer_cookie_name(["1.2"]) != viewer_cookie_name(["1.2", "1.3"])
    assert "1.2" not in viewer_cookie_name(["1.2"])
