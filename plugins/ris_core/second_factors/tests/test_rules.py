"""One-time codes as the RFCs give them, and whom administration opens for."""

from __future__ import annotations

import pytest

from ris_core.second_factors.rules import (
    accepted_step,
    admin_is_open,
    as_text,
    code_at,
    digest_of_recovery_code,
    key_uri,
    new_recovery_code,
    roles_in,
)

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        # RFC 6238 appendix B, SHA-1: the last six of its eight digits
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(seconds: int, code: str) -> None:
    assert code_at(SECRET, seconds // 30) == code
    assert accepted_step(SECRET, code, seconds, 0) == seconds // 30


@pytest.mark.parametrize("count", range(10))
def test_codes_by_count_are_those_of_the_rfc(count: int) -> None:
    """RFC 4226 appendix D."""
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    assert code_at(SECRET, count) == codes[count]


def test_a_code_counts_half_a_minute_early_or_late_and_no_more() -> None:
    now = 1234567890
    for steps, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        assert (accepted_step(SECRET, code_at(SECRET, now // 30 + steps), now, 0) is not None) is taken, steps


def test_no_code_is_taken_twice_nor_one_before_it() -> None:
    now = 1234567890
    step = now // 30
    assert accepted_step(SECRET, code_at(SECRET, step), now, step) is None
    assert accepted_step(SECRET, code_at(SECRET, step - 1), now, step) is None
    assert accepted_step(SECRET, code_at(SECRET, step + 1), now, step) == step + 1


@pytest.mark.parametrize("typed", ["005 924", " 005924 ", "005-924"])
def test_blanks_in_a_code_do_not_matter(typed: str) -> None:
    assert accepted_step(SECRET, typed, 1234567890, 0)


@pytest.mark.parametrize("typed", ["", "5924", "0059240", "abcdef", "٠٠٥٩٢٤", "005924\0", "x" * 5000])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert accepted_step(SECRET, typed, 1234567890, 0) is None


def test_an_app_reads_the_secret_from_the_address() -> None:
    assert as_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    uri = key_uri(SECRET, "Bệnh viện: Quang", "bs_lan")
    assert uri.startswith("otpauth://totp/B%E1%BB%87nh%20vi%E1%BB%87n%3A%20Quang:bs_lan?secret=GEZDGNBV")


def test_recovery_codes_differ_and_are_known_however_they_are_typed() -> None:
    codes = {new_recovery_code() for _ in range(100)}
    assert len(codes) == 100
    code = codes.pop()
    assert digest_of_recovery_code(code.upper().replace("-", " ")) == digest_of_recovery_code(code)
    assert code not in digest_of_recovery_code(code)


@pytest.mark.parametrize(
    ("address", "networks", "counts", "has", "opens"),
    [
        ("203.0.113.7", "", False, False, True),
        ("10.1.2.3", "10.1.0.0/16", False, False, True),
        ("203.0.113.7", "10.1.0.0/16, 127.0.0.1", False, False, False),
        ("203.0.113.7", "10.1.0.0/16", False, True, False),
        ("203.0.113.7", "", True, False, False),
        ("203.0.113.7", "", True, True, True),
        ("203.0.113.7", "10.1.0.0/16", True, True, True),
        ("10.1.2.3", "10.1.0.0/16", True, False, True),
        ("nowhere", "10.1.0.0/16", False, False, False),
        ("10.1.2.3", "no network", False, False, False),
    ],
)
def test_administration_opens_by_network_or_second_factor(
    address: str, networks: str, counts: bool, has: bool, opens: bool
) -> None:
    assert admin_is_open(address, networks, second_factor_counts=counts, has_second_factor=has) is opens


def test_roles_are_read_from_the_setting() -> None:
    assert roles_in(" administrator, SENIOR ") == {"ADMINISTRATOR", "SENIOR"}
    assert roles_in("") == frozenset()
