from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings

from ris_core.access.image_display import ImageDisplay
from ris_core.access.launch import LaunchRequest, sign_launch, verify_launch
from ris_core.access.launch_token import verify_token
from ris_core.access.models import UsedLaunchNonce
from ris_core.access.services import accept_launch
from ris_core.access.signing import TokenRefused

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECRET = "s" * 43
LAUNCH = LaunchRequest("HIS", "bs.lan@bv", "ACC-2026-1", NOW + timedelta(minutes=2), "a1b2c3d4e5f6g7h8")
SKEW_SECONDS = 300
PATIENT = ImageDisplay(
    patient_id="BN0001", patient_issuer="BVQ", most_recent=3, birth_date="19801121", modalities=("CT", "MR"),
    not_before=NOW - timedelta(days=30), not_after=NOW,
)  # fmt: skip


def test_a_signed_launch_is_what_the_his_vouches_for() -> None:
    assert verify_launch(SECRET, sign_launch(SECRET, LAUNCH), NOW, SKEW_SECONDS) == LAUNCH


def test_the_signature_is_what_the_manual_says() -> None:
    """HMAC-SHA256 of ``accession=…&expires=…&nonce=…&receiver=…&user=…``: what a HIS computes by itself."""
    assert sign_launch(SECRET, LAUNCH)["signature"] == (
        # printf 'accession=ACC-2026-1&expires=1795251720&nonce=a1b2c3d4e5f6g7h8&receiver=HIS&user=bs.lan%40bv' |
        #   openssl dgst -sha256 -hmac "$(printf 's%.0s' {1..43})"
        "f938b9ce4663df4e9245a46f17fb46273fc1ac4c8bbdfd7446fe9e0b570e2af2"
    )


@pytest.mark.parametrize("key", ["receiver", "user", "accession", "expires", "nonce"])
def test_no_signed_key_can_be_changed(key: str) -> None:
    params = sign_launch(SECRET, LAUNCH)
    params[key] = params[key][:-1] + ("1" if params[key][-1] != "1" else "2")
    with pytest.raises(TokenRefused):
        verify_launch(SECRET, params, NOW, SKEW_SECONDS)


@pytest.mark.parametrize("key", ["receiver", "user", "accession", "expires", "nonce", "signature"])
def test_every_key_is_needed(key: str) -> None:
    params = sign_launch(SECRET, LAUNCH)
    del params[key]
    with pytest.raises(TokenRefused):
        verify_launch(SECRET, params, NOW, SKEW_SECONDS)


def test_further_keys_are_refused() -> None:
    with pytest.raises(TokenRefused, match="unknown"):
        verify_launch(SECRET, {**sign_launch(SECRET, LAUNCH), "admin": "1"}, NOW, SKEW_SECONDS)


@pytest.mark.parametrize("minutes", [-6, -60, 6, 600])
def test_a_launch_is_used_at_once(minutes: int) -> None:
    params = sign_launch(SECRET, replace(LAUNCH, expires_at=NOW + timedelta(minutes=minutes)))
    with pytest.raises(TokenRefused, match="over"):
        verify_launch(SECRET, params, NOW, SKEW_SECONDS)


@pytest.mark.parametrize(
    "change",
    [{"nonce": "short"}, {"nonce": "x" * 65}, {"nonce": "sixteen+chars!!!"}, {"user_name": " "}, {"user_name": "a\nb"},
     {"user_name": "u" * 65}, {"accession_number": " "}, {"accession_number": "A\\B"}],
)  # fmt: skip
def test_a_signed_launch_must_still_be_well_formed(change: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        verify_launch(SECRET, sign_launch(SECRET, replace(LAUNCH, **change)), NOW, SKEW_SECONDS)


def test_another_his_secret_does_not_sign_for_this_one() -> None:
    with pytest.raises(TokenRefused, match="signature"):
        verify_launch(SECRET, sign_launch("t" * 43, LAUNCH), NOW, SKEW_SECONDS)


@pytest.fixture
def _his_secret() -> Iterator[None]:
    """The file is the whole run's: others find it afterwards as it was."""
    path = settings.QUANG.secrets_dir / "launch_secret_HIS"
    before = path.read_text() if path.exists() else None
    path.write_text(SECRET)
    yield
    if before is None:
        path.unlink()
    else:
        path.write_text(before)


@pytest.mark.django_db
@pytest.mark.usefixtures("_his_secret")
def test_a_launch_works_once() -> None:
    params = sign_launch(SECRET, LAUNCH)
    assert accept_launch(params, NOW) == LAUNCH
    with pytest.raises(TokenRefused, match="used before"):
        accept_launch(params, NOW + timedelta(seconds=1))


@pytest.mark.django_db
@pytest.mark.usefixtures("_his_secret")
def test_nonces_are_forgotten_when_the_launch_could_not_be_used_any_more() -> None:
    accept_launch(sign_launch(SECRET, LAUNCH), NOW)
    later = NOW + timedelta(hours=1)
    accept_launch(sign_launch(SECRET, replace(LAUNCH, expires_at=later, nonce="z" * 16)), later)
    assert list(UsedLaunchNonce.objects.values_list("nonce", flat=True)) == ["z" * 16]


@pytest.mark.django_db
@pytest.mark.usefixtures("_his_secret")
@pytest.mark.parametrize("receiver", ["", "OTHER", "../launch_secret_HIS", "HIS/../HIS", "H" * 65, "HIS\n"])
def test_a_receiver_without_a_secret_is_refused(receiver: str) -> None:
    with pytest.raises(TokenRefused):
        accept_launch({**sign_launch(SECRET, LAUNCH), "receiver": receiver}, NOW)


def a_token(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    """What an EMR makes with any JWT library."""

    def encoded(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head, body = (encoded(json.dumps(part).encode()) for part in ({"alg": algorithm, "typ": "JWT"}, claims))
    mac = hmac.digest(secret.encode(), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{encoded(mac)}"


CLAIMS = {"iss": "HIS", "sub": "bs.lan@bv", "exp": int(LAUNCH.expires_at.timestamp()), "jti": LAUNCH.nonce}


@pytest.mark.parametrize(
    "launch",
    [
        replace(LAUNCH, accession_number="", display=ImageDisplay(study_uids=("1.2.840.1", "1.2.840.2"))),
        replace(LAUNCH, accession_number="", display=ImageDisplay(accession_numbers=("A1", "A2"))),
        replace(LAUNCH, accession_number="", display=PATIENT),
        replace(LAUNCH, target="report"),
    ],
)
def test_a_study_a_patient_or_the_report_can_be_launched(launch: LaunchRequest) -> None:
    assert verify_launch(SECRET, sign_launch(SECRET, launch), NOW, 300) == launch


def test_an_order_may_be_named_as_invoke_image_display_does() -> None:
    signed = signed_request({"requestType": "STUDY", "accessionNumber": "ACC-2026-1"})
    assert verify_launch(SECRET, signed, NOW, 300).display == ImageDisplay(accession_numbers=("ACC-2026-1",))


@pytest.mark.parametrize(
    "further",
    [
        {"studyUID": "1.2.840.1"},
        {"mostRecentResults": "1"},
        {"viewerType": "OTHER"},
        {"diagnosticQuality": "yes"},
        {"additionalParameters": "x"},
        {"accessionNumber": ","},
        {"accessionNumber": ",".join(f"A{number}" for number in range(17))},
    ],
)
def test_what_invoke_image_display_does_not_say_is_refused(further: dict[str, str]) -> None:
    with pytest.raises(TokenRefused):
        verify_launch(SECRET, signed_request({"requestType": "STUDY", "accessionNumber": "A1", **further}), NOW, 300)


def test_how_it_is_to_be_shown_may_be_said() -> None:
    how = {"viewerType": "IHE_BIR", "diagnosticQuality": "true", "keyImagesOnly": "false"}
    request = signed_request({"requestType": "STUDY", "accessionNumber": "A1", **how})
    assert verify_launch(SECRET, request, NOW, 300).display == ImageDisplay(accession_numbers=("A1",))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("patientBirthDate", "1980"),
        ("lowerDateTime", "yesterday"),
        ("upperDateTime", "2026-13-01"),
        ("mostRecentResults", "-1"),
        ("modalitiesInStudy", "C T"),
    ],
)
def test_a_patients_request_is_read_strictly(key: str, value: str) -> None:
    with pytest.raises(TokenRefused):
        verify_launch(
            SECRET, signed_request({"requestType": "PATIENT", "patientID": "BN1^^^BVQ", key: value}), NOW, 300
        )


def signed_request(named: dict[str, str]) -> dict[str, str]:
    """A request as a HIS signs it."""
    keys = {key: value for key, value in sign_launch(SECRET, LAUNCH).items() if key not in ("accession", "signature")}
    text = "&".join(f"{key}={quote(value, safe='')}" for key, value in sorted({**keys, **named}.items()))
    return {**keys, **named, "signature": hmac.digest(SECRET.encode(), text.encode(), "sha256").hex()}


def verify(token: str) -> LaunchRequest:
    return verify_token(SECRET, token, NOW, 300, receiver="HIS", audience="https://ris.example")


def test_a_token_says_the_same_as_a_query() -> None:
    assert verify(a_token({**CLAIMS, "accession": "ACC-2026-1"})) == LAUNCH
    patient = verify(a_token({**CLAIMS, "patient": "BN0001^^^BVQ", "target": "report"}))
    assert (patient.display, patient.target) == (ImageDisplay(patient_id="BN0001", patient_issuer="BVQ"), "report")
    assert verify(a_token({**CLAIMS, "accession": "ACC-2026-1", "aud": ["x", "https://ris.example/"]})) == LAUNCH


@pytest.mark.parametrize(
    "token",
    [
        a_token({**CLAIMS, "accession": "A"}, secret="x" * 40),
        a_token({**CLAIMS, "accession": "A"}, algorithm="none"),
        a_token({**CLAIMS, "accession": "A", "exp": 1000000000}),
        a_token({**CLAIMS, "accession": "A", "admin": True}),
        a_token({**CLAIMS, "accession": "A", "patient": "BN1"}),
        a_token({**CLAIMS, "accession": "A", "aud": "https://other.example"}),
        a_token({**CLAIMS, "accession": "A", "nbf": 9999999999}),
        a_token({**CLAIMS, "accession": "A", "iat": "today"}),
        a_token({**CLAIMS, "accession": "A"}).replace(".", ".=", 1),
        a_token(CLAIMS),
        "a.b",
        "a.b.c",
        "",
    ],
)
def test_a_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(TokenRefused):
        verify(token)
