"""Security keys as second factor, with a key of the test's own (WebAuthn Level 2; Q6)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.webauthn import AuthenticatorData
from pytest_django.fixtures import Settings as PytestSettings

from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue, NotFound
from ris_core.second_factors import security_keys as keys
from ris_core.second_factors import services
from ris_core.second_factors.models import RecoveryCode, SecurityKey
from ris_core.second_factors.needs import has_second_factor
from ris_core.second_factors.services import CodeRefused
from ris_core.second_factors.tests.soft_key import SoftKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def lan(settings: PytestSettings) -> User:
    settings.QUANG = msgspec.structs.replace(settings.QUANG, public_url="https://ris.test")
    return User.objects.create_user("bs_lan", None, full_name="Nguyễn Thị Lan", role=Role.RADIOLOGIST)


def add(user: User, key: SoftKey, name: str = "YubiKey") -> list[str]:
    options, state = keys.begin_adding(user)
    return keys.add(user, state, key.create(options), name, SYSTEM)


def use(user: User, key: SoftKey) -> None:
    options, state = keys.begin_using(user)
    keys.use(user, state, key.get(options), SYSTEM)


def test_keys_are_added_used_and_removed_and_share_the_recovery_codes(lan: User) -> None:
    first, second = SoftKey(), SoftKey()
    codes = add(lan, first)
    assert (len(codes), add(lan, second, "Điện thoại")) == (10, [])
    assert has_second_factor(lan)
    for key in (first, second):
        use(lan, key)
    services.check_code(lan, codes[0], SYSTEM)
    with pytest.raises(CodeRefused):
        services.check_code(lan, codes[0], SYSTEM)
    rows = list(SecurityKey.objects.order_by("pk"))
    keys.remove_key(lan, rows[0].pk, SYSTEM)
    with pytest.raises(CodeRefused):
        use(lan, first)
    assert RecoveryCode.objects.exists()
    keys.remove_key(lan, rows[1].pk, SYSTEM)
    assert not has_second_factor(lan)
    assert not RecoveryCode.objects.exists()


def test_a_counter_that_does_not_go_on_shows_a_copied_key(lan: User) -> None:
    key = SoftKey()
    key.uses = 5
    add(lan, key)
    key.uses = 6
    use(lan, key)
    for counter in (6, 5, 0):
        key.uses = counter
        with pytest.raises(CodeRefused):
            use(lan, key)
    assert AuditEvent.objects.filter(action="user.second_factor_failed", reason="counter").count() == 3
    key.uses = 7
    use(lan, key)


def unverified(key: SoftKey) -> None:
    key.flags = AuthenticatorData.FLAG.UP


def absent(key: SoftKey) -> None:
    key.flags = AuthenticatorData.FLAG.UV


def elsewhere(key: SoftKey) -> None:
    key.origin = "https://ris.test.evil.example"


def of_another_host(key: SoftKey) -> None:
    key.host = "evil.example"


def by_plain_http(key: SoftKey) -> None:
    key.origin = "http://ris.test"


Spoil = Callable[[SoftKey], None]


@pytest.mark.parametrize("spoil", [unverified, absent, elsewhere, of_another_host, by_plain_http])
def test_a_key_counts_here_and_with_its_owner_only(lan: User, spoil: Spoil) -> None:
    spoilt, good = SoftKey(), SoftKey()
    spoil(spoilt)
    with pytest.raises(CodeRefused):
        add(lan, spoilt)
    add(lan, good)
    spoil(good)
    with pytest.raises(CodeRefused):
        use(lan, good)


def test_a_key_proves_its_own_user_the_challenge_of_now_and_by_its_own_signature(lan: User) -> None:
    key = SoftKey()
    add(lan, key)
    binh = User.objects.create_user("bs_binh", None, full_name="Bình", role=Role.RADIOLOGIST)
    add(binh, SoftKey())
    with pytest.raises(CodeRefused):
        use(binh, key)
    with pytest.raises(CodeRefused, match="known already"):
        add(binh, key)
    earlier, _ = keys.begin_using(lan)
    _, state = keys.begin_using(lan)
    with pytest.raises(CodeRefused):
        keys.use(lan, state, key.get(earlier), SYSTEM)
    forged = copy.copy(key)
    forged._private = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(CodeRefused):
        use(lan, forged)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "x"},
        {"id": 7, "rawId": [], "type": "public-key", "response": {}},
        {"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "e30", "signature": "eA"}},
        {
            "id": "eA",
            "rawId": "eA",
            "type": "public-key",
            "response": dict.fromkeys(("clientDataJSON", "attestationObject", "authenticatorData", "signature"), "oA"),
        },
    ],
)
def test_an_answer_that_is_none_is_refused(lan: User, answer: dict[str, Any]) -> None:
    add(lan, SoftKey())
    for begin, take in (
        (keys.begin_adding, lambda state: keys.add(lan, state, answer, "x", SYSTEM)),
        (keys.begin_using, lambda state: keys.use(lan, state, answer, SYSTEM)),
    ):
        with pytest.raises(CodeRefused):
            take(begin(lan)[1])


def test_names_and_numbers_of_keys_are_bounded(lan: User) -> None:
    with pytest.raises(InvalidValue):
        add(lan, SoftKey(), "  ")
    for number in range(keys.MOST_KEYS):
        add(lan, SoftKey(), f"key {number}")
    with pytest.raises(InvalidValue):
        add(lan, SoftKey())


def test_nobody_removes_anothers_key_and_an_administrator_takes_all(lan: User) -> None:
    add(lan, SoftKey())
    binh = User.objects.create_user("bs_binh", None, full_name="Bình", role=Role.RADIOLOGIST)
    with pytest.raises(NotFound):
        keys.remove_key(binh, SecurityKey.objects.get().pk, SYSTEM)
    services.remove(lan.pk, "mất khoá", SYSTEM)
    assert not has_second_factor(lan)


def test_another_host_below_the_same_domain_is_not_ours(lan: User, settings: PytestSettings) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, webauthn_host="bv.test")
    settings.QUANG = msgspec.structs.replace(settings.QUANG, access=access, public_url="https://ris.bv.test")
    add(lan, SoftKey("bv.test", "https://ris.bv.test"))
    with pytest.raises(CodeRefused):
        add(lan, SoftKey("bv.test", "https://other.bv.test"))


@pytest.mark.parametrize(
    ("public_url", "setting", "possible", "host"),
    [
        ("https://ris.benhvien.vn", "", True, "ris.benhvien.vn"),
        ("https://ris.benhvien.vn", "benhvien.vn", True, "benhvien.vn"),
        ("http://127.0.0.1:8080", "", False, "127.0.0.1"),
        ("http://127.0.0.1:8080", "localhost", True, "localhost"),
    ],
)
def test_keys_are_for_a_host_with_a_name(
    settings: PytestSettings, public_url: str, setting: str, possible: bool, host: str
) -> None:
    access = msgspec.structs.replace(settings.QUANG.access, webauthn_host=setting)
    settings.QUANG = msgspec.structs.replace(settings.QUANG, public_url=public_url, access=access)
    assert (keys.are_possible(), keys.host()) == (possible, host)
