from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris_core.letters.codes import good_code
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.rules import ShareState, Terms, channel_of, check_expiry, state_of

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("receiver", {"receiver": "  "}),
        ("receiver", {"receiver": "x" * 129}),
        ("exams", {"exam_ids": ()}),
        ("exams", {"exam_ids": tuple(range(17))}),
        ("comment", {"comment": "x" * 2001}),
        ("password", {"password": "ngan"}),
        ("lock", {"password": "du-dai-roi", "code_to": "0912345678"}),
        ("code_to", {"code_to": "khong phai"}),
        ("views_allowed", {"views_allowed": 0}),
        ("views_allowed", {"views_allowed": 1001}),
    ],
)
def test_what_cannot_be_shared_so_names_its_field(field: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ShareInvalid) as refused:
        Terms(**{"receiver": "BS Minh", "exam_ids": (1,), "expires_at": TOMORROW, **wrong})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("expires_at", "is_right"),
    [(NOW, False), (TOMORROW, True), (NOW + timedelta(days=90), True), (NOW + timedelta(days=92), False)],
)
def test_a_share_ends_within_what_the_site_allows(expires_at: datetime, is_right: bool) -> None:
    if is_right:
        check_expiry(expires_at, NOW, 90)
    else:
        with pytest.raises(ShareInvalid):
            check_expiry(expires_at, NOW, 90)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ShareState.OPEN),
        ({"revoked": True}, ShareState.REVOKED),
        ({"expires_at": NOW}, ShareState.OVER),
        ({"views_allowed": 2, "views_used": 1}, ShareState.OPEN),
        ({"views_allowed": 2, "views_used": 2}, ShareState.USED_UP),
    ],
)
def test_how_a_share_stands(changed: dict[str, Any], expected: ShareState) -> None:
    facts = {"expires_at": TOMORROW, "revoked": False, "views_used": 0, "views_allowed": None}
    assert state_of(NOW, **{**facts, **changed}) is expected


def test_an_address_says_how_it_is_written_to() -> None:
    assert channel_of("bs.minh@example.org", field="x") == "EMAIL"
    assert channel_of("+84 912 345 678", field="x") == "SMS"
    for neither in ("", "0912", "a@", "bs minh@example.org", "0912345678\nBcc: x"):
        with pytest.raises(ShareInvalid):
            channel_of(neither, field="x")


def test_only_the_newest_code_is_good_and_only_for_ten_minutes() -> None:
    codes = [("new", NOW - timedelta(minutes=9)), ("old", NOW - timedelta(minutes=9))]
    assert good_code(codes, "new", NOW)
    assert not good_code(codes, "old", NOW)
    assert not good_code(codes, "new", NOW + timedelta(minutes=2))
    assert not good_code([], "new", NOW)
